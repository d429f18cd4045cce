-- sent: WeChat reports what became of a card. A report that no card knows yet is kept: it
-- can overtake the answer of the send itself.
-- KEYS  1 subscriber  2 cards  3 erased  4 overdue cards
-- a     openid, msgid ("" if not told), template, at (ms), failed ("" if handed over)
-- reply 0: a run that looks around tells the recipient
-- Repeat: the report is kept, or its card has it.
if erased(KEYS[3]) or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local sub = subscriber(KEYS[1])
sub.ev = sub.ev or {}
for _, e in ipairs(sub.ev) do
  if e.i == a.msgid and e.t == a.template and e.at == a.at then return 0 end
end
for _, s in ipairs(redis.call('HVALS', KEYS[2])) do -- or is it the same report again
  local readable, card = pcall(cardIn, s)
  if readable and card.rp and card.t == a.template then
    if a.msgid ~= '' and card.id == a.msgid or a.msgid == '' and card.ra == a.at then return 0 end
  end
end
sub.ev[#sub.ev + 1] = {i = a.msgid, t = a.template, at = a.at, f = a.failed, r = now}
while #sub.ev > 20 do table.remove(sub.ev, 1) end
match(sub, KEYS[2], KEYS[4], a.openid)
keep(KEYS[1], sub)
return 0
