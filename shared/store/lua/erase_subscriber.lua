-- erase_subscriber: forget an openid. A hashed mark keeps late news of it out for a day.
-- KEYS  1 subscriber  2 cards  3 marks of grants  4 erased  5 overdue cards  6 counts
-- a     user: whose the openid must be, if it is anybody's; openid
-- reply 0
local user = subscriber(KEYS[1]).u
if user and user ~= a.user then return 0 end
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  local card = cjson.decode(all[i + 1])
  redis.call('ZREM', KEYS[5], a.openid .. '\n' .. all[i])
  if card.w or card.tell and card.tell[1][3] == '' then -- the end of its messages is not told yet
    redis.call('HINCRBY', KEYS[6], 'erased', #(card.m or {}))
  end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('SET', KEYS[4], ms(now + DAY), 'PX', DAY)
return 0
