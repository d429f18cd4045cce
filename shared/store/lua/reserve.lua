-- reserve: hold a permit for a card.
-- KEYS  1 subscriber  2 cards  3 erased  4 overdue cards  5 moved
-- a     card, user, openid, lane, template, messages, long (term), digest, keep, learn,
--       fresh (another absence wants a permit), per_hour, lease, flight (ms: for how long after
--       reserve a card may be on its way), after (ms)
-- reply status; then for busy until when the other card is in the way, for too many when they may
--       get another (ms); permits left; how many are kept
-- Repeat: the card is known: the answer is ok, without the permits that are left; but void for
--   another template, whose permit it does not hold. An absence without a permit is counted once
--   for each card.
if erased(KEYS[3]) then return {'erased', '0', 0, 0} end
local known = cardAt(KEYS[2], a.card)
if known then
  -- The same caller asks again because it did not hear the answer.
  return {known.s == 'sending' and known.t == a.template and known.le > now and 'ok' or 'void', '0', 0, 0}
end
local sub = subscriber(KEYS[1])
if sub.u ~= a.user then return {'unbound', '0', 0, 0} end
if sub.x then return {'gone', '0', 0, 0} end

-- WeChat refuses a send to a user to whom another is under way (43108).
for template, id in pairs(sub.a) do
  local card = template ~= a.template and cardAt(KEYS[2], id)
  if card and card.s == 'sending' and card.at + a.flight > now then return {'busy', ms(card.at + a.flight), 0, 0} end
end

local other = sub.a[a.template]
if other then
  local card = cardAt(KEYS[2], other)
  if card and card.s == 'sending' then
    if card.le > now then return {'busy', ms(card.le), 0, 0} end
    settle(sub, KEYS[2], KEYS[4], a.openid .. '\n' .. other, other, card, {state = 'unknown', permit = 'held', stranded = true})
    match(sub, KEYS[2], KEYS[4], a.openid)
    keep(KEYS[1], sub)
  end
end

local l = ledger(sub, a.template)
local left = l.b - l.h
if a.long then left = math.min(l.b, 1) end
local kept = 0
if a.digest then
  kept = a.keep
  if a.learn then kept = math.max(kept, math.ceil((l.ea or EXPECTED) + 6 * (l.ed or DEVIATION))) end
  if a.long then kept = 0 end
end
local hour = 3600000
local tat = math.max(sub.pt or 0, now) + math.floor(hour / a.per_hour)
local status, at = 'ok', 0
if left <= 0 then status = 'no permit'
elseif left <= kept then status = 'kept'
elseif tat - now > hour then status, at = 'too many', tat - hour
end
-- Whoever is put off asks again, for the same absence.
if a.fresh and (status == 'ok' or status == 'no permit' and paysFirst(l, a.card)) then l.ab = (l.ab or 0) + 1 end
if status == 'ok' then
  sub.pt = tat
  l.h = l.h + 1
  sub.a[a.template] = a.card
end
keep(KEYS[1], sub)
if status ~= 'ok' then return {status, ms(at), math.max(left, 0), kept} end
redis.call('HSET', KEYS[2], a.card, cjson.encode({s = 'sending', t = a.template, u = a.user, la = a.lane, m = a.messages,
  lg = a.long and 1 or nil, ua = a.after, at = now, le = now + a.lease}))

keepCards(KEYS[2], KEYS[5], a.openid)
-- Whoever has many is told often: then what ended a day ago goes, for which no run comes back.
forget(KEYS[2], 64, function(s)
  local card = cardIn(s)
  return card.at < now - DAY and card.s ~= 'sending' and not card.w and not card.tell
end)
return {'ok', '0', left - 1, kept}
