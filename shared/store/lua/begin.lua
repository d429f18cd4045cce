-- begin: move what still waits of the named messages into a card.
-- KEYS  1 waiting  2 timeline
-- a     user, token, card, template, messages, at (ms, by the clock of the run's own steps)
-- reply the messages that are in the card, oldest first; empty if none or the lease is lost
-- Repeat: the card is begun, and the answer names what it carries that has not ended since.
local doc = load(KEYS[1], a.user)
if not doc or doc.l ~= a.token then return {} end
local mine = {}
if doc.c then
  if doc.c.i ~= a.card then return {} end
  for _, n in ipairs(doc.n) do
    if n.c == a.card and not n.g then mine[#mine + 1] = n.i end
  end
  return mine
end
local wanted = {}
for _, id in ipairs(a.messages) do wanted[id] = true end
for _, n in ipairs(doc.n) do
  if wanted[n.i] then
    n.c = a.card
    mine[#mine + 1] = n.i
  end
end
if #mine == 0 then return {} end
doc.c = {i = a.card, o = doc.o, t = a.template}
redis.call('HSET', KEYS[1], a.user, cjson.encode(doc))
note(KEYS[2], cjson.encode({t = a.at > 0 and a.at or now, k = 'begun', c = a.card, m = mine}))
return mine
