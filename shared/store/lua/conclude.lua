-- conclude: end a card that was unknown, once WeChat has been silent for too long, and say
-- what its recipient is to be told.
-- KEYS  1 subscriber  2 cards  3 overdue cards
-- a     openid, card
-- reply user, state, reason, the state that it corrects or "", and the messages; empty if
--       there is nothing to tell
-- Repeat: the end is written down, and is the answer until told removes it.
local card = cardAt(KEYS[2], a.card)
local member = a.openid .. '\n' .. a.card
if not card then
  redis.call('ZREM', KEYS[3], member)
  return {}
end
if card.w and card.w <= now then
  local sub = subscriber(KEYS[1])
  spend(ledger(sub, card.t), card, 'unknown')
  keep(KEYS[1], sub)
  card.w, card.f = nil, 'unknown'
  card.tell = {{'unknown', card.q and 'stranded' or 'no_report', ''}}
  redis.call('HSET', KEYS[2], a.card, cjson.encode(card))
elseif card.w then
  redis.call('ZADD', KEYS[3], ms(card.w), member)
  return {}
end
if not card.tell then
  redis.call('ZREM', KEYS[3], member)
  return {}
end
local tell = card.tell[1]
if tell[3] ~= '' and not tell[4] then -- see resolve
  tell[4] = 1
  redis.call('HSET', KEYS[2], a.card, cjson.encode(card))
end
local reply = {card.u or '', tell[1], tell[2], tell[3]}
for _, id in ipairs(card.m or {}) do reply[#reply + 1] = id end
return reply
