-- spreads: hand out messages of groups that are due to be spread, and drop those that
-- are too old.
-- KEYS  1 spreads  2 spread queue
-- a     limit, lease (ms), token
-- reply message id and document in turn. A document is
--         m  the message, JSON in a string    x  expiry, ms
--         p  the page of members to go on with, absent for the first
--         h  how often this page was handed out    l  lease token
local reply = {}
local handed = 0
-- More than may be handed out: what is too old should not take the place of what is not.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms(now), 'LIMIT', 0, a.limit + 100)) do
  if handed == a.limit then break end
  local s = redis.call('HGET', KEYS[1], id)
  local readable, doc = pcall(cjson.decode, s or '{}')
  readable = readable and type(doc) == 'table' -- else the caller says so, and it is handed out again later
  if readable and (tonumber(doc.x) or 0) <= now then
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
  else
    if readable then
      doc.h, doc.l = (tonumber(doc.h) or 0) + 1, a.token
      s = cjson.encode(doc)
      redis.call('HSET', KEYS[1], id, s)
    end
    redis.call('ZADD', KEYS[2], ms(now + a.lease), id)
    reply[#reply + 1] = id
    reply[#reply + 1] = s
    handed = handed + 1
  end
end
return reply
