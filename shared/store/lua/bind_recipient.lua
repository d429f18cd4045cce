-- bind_recipient: a user's cards go to an openid from now on. Who logs in is here.
-- KEYS  1 recipient  2 waiting  3 queue  4 calls waiting  5 calls' queue  6 erased users
-- a     user, openid
-- reply 1 if he was erased, and may be named again; else 0
redis.call('HSET', KEYS[1], 'o', a.openid)
for lane = 2, 4, 2 do
  local doc = load(KEYS[lane], a.user)
  seenNow(KEYS[1], doc)
  if doc and doc.o ~= a.openid then
    doc.o = a.openid
    if doc.l and not doc.c then
      -- A run that looked before, and may be slow, would send to the old openid: it loses its lease.
      doc.l, doc.le, doc.d = nil, nil, nil
      redis.call('ZADD', KEYS[lane + 1], ms(now), a.user)
    end
  end
  if doc then redis.call('HSET', KEYS[lane], a.user, cjson.encode(doc)) end
end
return redis.call('HDEL', KEYS[6], hashed(a.user))
