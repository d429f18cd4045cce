-- advance: a message of a group has reached a page of the members, or all.
-- KEYS  1 spreads  2 spread queue
-- a     id, token, page, done
-- reply 1, or 0 if the lease is lost
-- Repeat: the lease is let go, so nothing changes.
local s = redis.call('HGET', KEYS[1], a.id)
local doc = s and document(s, KEYS[1], a.id, {})
if not doc or doc.l ~= a.token then return 0 end
if a.done then
  redis.call('HDEL', KEYS[1], a.id)
  redis.call('ZREM', KEYS[2], a.id)
  return 1
end
doc.p, doc.h, doc.l = a.page, nil, nil
redis.call('HSET', KEYS[1], a.id, cjson.encode(doc))
redis.call('ZADD', KEYS[2], ms(now), a.id)
return 1
