-- told: a card's end was told its recipient.
-- KEYS  1 cards  2 overdue cards
-- a     openid, card, state
-- reply 0
-- Repeat: that end is no longer the first to be told, and no card has two of one state in a
--   row.
local card = cardAt(KEYS[1], a.card)
if card and card.tell and card.tell[1][1] == a.state then
  table.remove(card.tell, 1)
  if #card.tell == 0 then card.tell = nil end
  if card.rp and not card.tell then card.m = nil end -- WeChat reports once
  redis.call('HSET', KEYS[1], a.card, cjson.encode(card))
end
local member = a.openid .. '\n' .. a.card
if card and card.tell then
  redis.call('ZADD', KEYS[2], ms(now), member)
elseif not card or not card.w then
  redis.call('ZREM', KEYS[2], member)
end
return 0
