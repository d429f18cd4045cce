-- erase_subscriber: forget an openid. A hashed mark keeps late news of it out for a day.
-- KEYS  1 subscriber  2 cards  3 marks of grants  4 erased  5 overdue cards  6 moved
-- a     user: whose the openid must be, if it is anybody's; openid
-- reply 0, or 1 if there are cards whose end is to be told first: see end_cards
-- Repeat: nothing is left to forget, and the mark is written again.
local user = subscriber(KEYS[1]).u
if user and user ~= a.user then return 0 end
local all = cardsOf(KEYS[2])
for i = 2, #all, 2 do
  if all[i].w or all[i].tell then return 1 end
end
for i = 1, #all, 2 do redis.call('ZREM', KEYS[5], a.openid .. '\n' .. all[i]) end
redis.call('ZREM', KEYS[6], a.openid)
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('SET', KEYS[4], ms(now + DAY), 'PX', DAY)
return 0
