-- take: hand out what is due in queues of a shard, and hide it for a lease, which is its score then.
-- KEYS  1 mark of the lease; then the queues: members by when they are due, ms
-- ARGV  the time in ms, or "" for the server's; the lease, ms; for each queue how many at most, or
--       with a minus how many to look at and not to hide
-- reply the time in ms; until when they are hidden; when the next is due in any of the queues, ms, or
--       ""; the members of each queue
-- Repeat: the mark says what is hidden by it, which is handed out again.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local function ms(t) return string.format('%.0f', t) end
local before = redis.call('GET', KEYS[1])
local hidden, out = before or ms(now + ARGV[2]), {}
for i = 2, #KEYS do
  local most = tonumber(ARGV[i + 1])
  if before and most > 0 then
    out[i - 1] = redis.call('ZRANGEBYSCORE', KEYS[i], hidden, hidden)
  else
    out[i - 1] = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ms(now), 'LIMIT', 0, math.abs(most))
  end
end
for i, members in ipairs(before and {} or out) do
  for _, member in ipairs(tonumber(ARGV[i + 2]) > 0 and members or {}) do
    redis.call('ZADD', KEYS[i + 1], hidden, member)
    redis.call('SET', KEYS[1], hidden, 'PX', ARGV[2])
  end
end
local next
for i = 2, #KEYS do
  local at = tonumber(redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2])
  if at and (not next or at < next) then next = at end
end
return {ms(now), hidden, next and ms(next) or '', unpack(out)}
