-- erase_recipient: forget a user, if his cards went to this openid.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 reads  6 counts  7.. marks
-- a     user, openid
-- reply 0
local openid = redis.call('HGET', KEYS[1], 'o')
if openid and openid ~= a.openid then return 0 end
local doc = load(KEYS[2], a.user)
if doc then redis.call('HINCRBY', KEYS[6], 'erased', #doc.n) end
redis.call('DEL', KEYS[1], KEYS[4], KEYS[5], KEYS[7], KEYS[8], KEYS[9], KEYS[10])
redis.call('HDEL', KEYS[2], a.user)
redis.call('ZREM', KEYS[3], a.user)
return 0
