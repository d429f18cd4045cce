-- resolve: say how a card has ended, and make sure that it is not sent from now on.
-- KEYS  1 subscriber  2 cards  3 erased
-- a     card, template
-- reply state, final, detail, lease end (ms)
local s = redis.call('HGET', KEYS[2], a.card)
if not s then
  if erased(KEYS[3]) then return {'void', '', '', ''} end -- and cannot be reserved
  redis.call('HSET', KEYS[2], a.card, cjson.encode({s = 'void', t = a.template, at = now}))
  redis.call('PEXPIRE', KEYS[2], 8 * DAY)
  return {'void', '', '', ''}
end
local card = cjson.decode(s)
if card.s == 'sending' then
  if card.le > now then return {'sending', '', '', ms(card.le)} end
  local sub = subscriber(KEYS[1])
  settle(sub, KEYS[2], a.card, card, {state = 'unknown', permit = 'spent', final = 'unknown'})
  keep(KEYS[1], sub)
end
return {card.s, card.f or '', card.d or '', ''}
