-- claim: hand out recipients of one shard for whom something is due.
-- KEYS  1 waiting  2 queue  3 watch
-- a     limit, lease (ms), token, watch (ms)
-- reply now, then user and document in turn
local reply = {ms(now)}
redis.call('SET', KEYS[3], ms(now + a.watch), 'PX', a.watch)
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms(now), 'LIMIT', 0, a.limit)) do
  local doc = load(KEYS[1], user)
  if doc then
    doc.l, doc.le, doc.d = a.token, now + a.lease, nil
    redis.call('ZADD', KEYS[2], ms(doc.le), user)
    local s = cjson.encode(doc)
    redis.call('HSET', KEYS[1], user, s)
    reply[#reply + 1] = user
    reply[#reply + 1] = s
  else
    redis.call('ZREM', KEYS[2], user)
  end
end
return reply
