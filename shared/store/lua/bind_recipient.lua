-- bind_recipient: a user's cards go to an openid from now on. Who logs in is here.
-- KEYS  1 recipient  2 waiting  3 queue  4 calls waiting  5 calls' queue  6 erased users
-- a     user, openid
-- reply 1 if they were erased, and are to be named again; else 0
-- Repeat: the binding is the same and the new absence has begun. That the user was erased is
--   said until nameAgain removes the mark.
local messages, calls = load(KEYS[2], a.user), load(KEYS[4], a.user) -- before anything is written
redis.call('HSET', KEYS[1], 'o', a.openid)
for lane, doc in pairs({[2] = messages, [4] = calls}) do
  if doc.o ~= a.openid then
    doc.o = a.openid
    if doc.l and not doc.c then
      -- A run that looked before, and may be slow, would send to the old openid: it loses its lease.
      doc.l, doc.le, doc.d = nil, nil, nil
      redis.call('ZADD', KEYS[lane + 1], ms(now), a.user)
    end
  end
end
seenNow(KEYS[1], a.user, messages, KEYS[3], calls)
for lane, doc in pairs({[2] = messages, [4] = calls}) do
  redis.call('HSET', KEYS[lane], a.user, cjson.encode(doc))
end
return redis.call('HEXISTS', KEYS[6], hashed(a.user))
