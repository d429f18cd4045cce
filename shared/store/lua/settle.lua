-- settle: write down how a card ended. The first outcome stays.
-- KEYS  1 subscriber  2 cards  3 erased
-- a     card, template, state, permit, final, msgid, detail
-- reply 1, or 0 if the card is not being sent (any more)
local s = redis.call('HGET', KEYS[2], a.card)
if not s and (a.permit ~= 'spent' or erased(KEYS[3])) then return 0 end
-- The store has forgotten the reservation, but the card was sent: it is paid for.
local card = s and cjson.decode(s) or {s = 'sending', t = a.template, at = now}
if card.s ~= 'sending' then return 0 end
local sub = subscriber(KEYS[1])
settle(sub, KEYS[2], a.card, card, a)
keep(KEYS[1], sub)
if not s then redis.call('PEXPIRE', KEYS[2], 8 * DAY) end
return 1
