-- bind_recipient: a user's cards go to an openid from now on.
-- KEYS  1 recipient  2 waiting
-- a     user, openid
-- reply the openid they went to before, or ""
local before = redis.call('HGET', KEYS[1], 'o') or ''
redis.call('HSET', KEYS[1], 'o', a.openid)
local doc = load(KEYS[2], a.user)
if doc then
  doc.o = a.openid
  redis.call('HSET', KEYS[2], a.user, cjson.encode(doc))
end
return before
