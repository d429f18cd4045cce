-- bind_recipient: a user's cards go to an openid from now on.
-- KEYS  1 recipient  2 waiting  3 queue
-- a     user, openid
-- reply 0
redis.call('HSET', KEYS[1], 'o', a.openid)
local doc = load(KEYS[2], a.user)
if doc and doc.o ~= a.openid then
  doc.o = a.openid
  if leased(doc) and not doc.c then
    -- A run that looked before would send to the old openid: it loses its lease.
    doc.l, doc.le, doc.d = nil, nil, nil
    redis.call('ZADD', KEYS[3], ms(now), a.user)
  end
  redis.call('HSET', KEYS[2], a.user, cjson.encode(doc))
end
return 0
