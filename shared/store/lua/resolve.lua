-- resolve: say how a card has ended, and make sure that it is not sent from now on.
-- KEYS  1 subscriber  2 cards  3 erased  4 overdue cards  5 moved
-- a     card, openid, template
-- reply state, final, detail, lease end (ms), 1 if Reconcile tells the end
-- Repeat: the card has ended, or is void, and the answer is the same.
local card = cardAt(KEYS[2], a.card)
if not card then
  -- It may have been sent before the openid was erased, to somebody who is bound to
  -- another now: it is not announced again.
  if erased(KEYS[3]) then return {'refused', 'erased', '', '', 0} end
  redis.call('HSET', KEYS[2], a.card, cjson.encode({s = 'void', t = a.template, at = now}))
  keepCards(KEYS[2], KEYS[5], a.openid)
  return {'void', '', '', '', 0}
end
if card.s == 'sending' then
  if card.le > now then return {'sending', '', '', ms(card.le), 0} end
  local sub = subscriber(KEYS[1])
  settle(sub, KEYS[2], KEYS[4], a.openid .. '\n' .. a.card, a.card, card, {state = 'unknown', permit = 'held', stranded = true})
  match(sub, KEYS[2], KEYS[4], a.openid)
  keep(KEYS[1], sub)
  card = cardAt(KEYS[2], a.card)
end
local tell = not card.v and card.tell and card.tell[1]
if tell and tell[4] then
  -- Reconcile is about to correct an end, which comes first. If it was faster, tell has taken
  -- the notices off the card.
  return {tell[3], tell[3], card.d or '', '', 0}
elseif tell then -- the end that this corrects was never written down, so Reconcile tells the only one
  tell[3], card.v = '', 1
  redis.call('HSET', KEYS[2], a.card, cjson.encode(card))
end
return {card.s, card.f or '', card.d or '', '', card.v or 0}
