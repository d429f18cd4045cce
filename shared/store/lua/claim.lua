-- claim: hand out recipients of one shard for whom something is due.
-- KEYS  1 waiting  2 queue  3 watch
-- a     limit, lease (ms), token, watch (ms)
-- reply now, then user and document in turn
local reply = {ms(now)}
redis.call('SET', KEYS[3], ms(now + a.watch), 'PX', a.watch)
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms(now), 'LIMIT', 0, a.limit)) do
  local s = redis.call('HGET', KEYS[1], user)
  if s then
    redis.call('ZADD', KEYS[2], ms(now + a.lease), user)
    local readable, doc = pcall(cjson.decode, s)
    if readable and type(doc) == 'table' then -- else the caller says so, and it is handed out again later
      doc.l, doc.le, doc.d = a.token, now + a.lease, nil
      s = cjson.encode(doc)
      redis.call('HSET', KEYS[1], user, s)
    end
    reply[#reply + 1] = user
    reply[#reply + 1] = s
  else
    redis.call('ZREM', KEYS[2], user)
  end
end
return reply
