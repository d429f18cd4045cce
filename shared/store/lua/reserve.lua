-- reserve: hold a permit for a card.
-- KEYS  1 subscriber  2 cards  3 erased
-- a     card, user, template, lease (ms)
-- reply status, and for busy when the other card's lease ends (ms)
if erased(KEYS[3]) then return {'erased'} end
local known = redis.call('HGET', KEYS[2], a.card)
if known then
  -- The same caller asks again because it did not hear the answer.
  local card = cjson.decode(known)
  return {card.s == 'sending' and card.le > now and 'ok' or 'void'}
end
local sub = subscriber(KEYS[1])
if sub.u ~= a.user then return {'unbound'} end

local other = sub.a[a.template]
if other then
  local card = cjson.decode(redis.call('HGET', KEYS[2], other) or '{}')
  if card.s == 'sending' then
    if card.le > now then return {'busy', ms(card.le)} end
    settle(sub, KEYS[2], other, card, {state = 'unknown', permit = 'spent', final = 'unknown'})
    keep(KEYS[1], sub)
  end
end

local l = ledger(sub, a.template)
if l.b - l.h <= 0 then return {'no permit'} end
l.h = l.h + 1
sub.a[a.template] = a.card
keep(KEYS[1], sub)
redis.call('HSET', KEYS[2], a.card, cjson.encode({s = 'sending', t = a.template, u = a.user, at = now, le = now + a.lease}))

-- Cards outlive every message that could travel on them, and no longer.
redis.call('PEXPIRE', KEYS[2], 8 * DAY)
forget(KEYS[2], 64, function(card) return cjson.decode(card).at < now - 8 * DAY end)
return {'ok'}
