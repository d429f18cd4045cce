-- spreads: hand out messages of groups that are due to be spread, and drop those that
-- are too old.
-- KEYS  1 spreads  2 spread queue  3 lease of the token
-- a     limit, lease (ms), token
-- reply message id and document in turn. A document is
--         m  the message, JSON in a string    x  expiry, ms
--         p  the page of members to go on with, absent for the first
--         h  how often this page was handed out    l  lease token
-- Repeat: the lease of the token is noted, and what it hides is handed out again.
local reply = {}
local handed = 0
local noted = leaseNoted(KEYS[3])
-- More than may be handed out: what is too old should not take the place of what is not.
for _, id in ipairs(dueIn(KEYS[2], a.limit + 100, noted)) do
  if handed == a.limit then break end
  local s = redis.call('HGET', KEYS[1], id)
  local readable, doc = pcall(cjson.decode, s or '{}')
  readable = readable and type(doc) == 'table' -- else the caller says so, and it is handed out again later
  if noted then
    if s and (not readable or doc.l == a.token) then
      reply[#reply + 1] = id
      reply[#reply + 1] = s
    end
  elseif readable and (tonumber(doc.x) or 0) <= now then
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
if not noted and handed > 0 then noteLease(KEYS[3]) end
return reply
