-- settle: write down how a card ended. The first outcome stays, but for what WeChat itself
-- has reported.
-- KEYS  1 subscriber  2 cards  3 erased  4 overdue cards  5 meters  6 moved
-- a     card, openid, template, state, permit, final, msgid, detail, drift, gone, user, lane,
--       messages, long (term), after (ms)
-- reply the state of the card now; "" if it is not known
-- Repeat: the first outcome stays, and is the answer. A card of which nothing is kept is paid
--   for once.
local card = cardAt(KEYS[2], a.card)
local known = card
if not card and ((a.permit ~= 'spent' and a.permit ~= 'held') or erased(KEYS[3])) then return '' end
local sub = subscriber(KEYS[1])
if card then
  -- as it was reserved
elseif sub.u ~= a.user then -- whose openid it was is erased: the card is paid for, and nobody's
  local l = ledger(sub, a.template)
  if not a.long and paysFirst(l, a.card) then entry(l, now, a.state, -math.min(1, l.b)) end
  keep(KEYS[1], sub)
  return ''
else
  -- The store has forgotten the reservation, but the card was sent: it is paid for.
  card = {s = 'sending', t = a.template, u = a.user, la = a.lane, m = a.messages, lg = a.long and 1 or nil, at = now}
  local l = ledger(sub, a.template)
  l.h = l.h + 1
end
if card.s ~= 'sending' then -- its end is told apart, if it was unknown
  return card.v and (card.q or a.state ~= 'unknown') and 'unknown' or card.s
end
if a.gone then sub.x = 1 end
if a.drift then count(KEYS[5], 'drift', 1) end
settle(sub, KEYS[2], KEYS[4], a.openid .. '\n' .. a.card, a.card, card, a)
match(sub, KEYS[2], KEYS[4], a.openid)
keep(KEYS[1], sub)
if not known then keepCards(KEYS[2], KEYS[6], a.openid) end
return cardAt(KEYS[2], a.card).s
