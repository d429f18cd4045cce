-- erase_subscriber: forget an openid. A hashed mark keeps late news of it out for a day.
-- KEYS  1 subscriber  2 cards  3 marks of grants  4 erased
-- a     user: whose the openid must be, if it is anybody's
-- reply 0
local user = subscriber(KEYS[1]).u
if user and user ~= a.user then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('SET', KEYS[4], ms(now + DAY), 'PX', DAY)
return 0
