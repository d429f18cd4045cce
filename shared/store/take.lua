-- take: hand out what is due in queues of a shard, and hide it for a lease, which is its score then.
-- KEYS  1 mark of the lease; then the queues: members by when they are due, ms
-- ARGV  the time in ms, or "" for the server's; the lease, ms; for each queue how many at most, or
--       with a minus how many to look at and not to hide
-- reply the time in ms; until when they are hidden; when the next is due in any of the queues, ms, or
--       "", what this hides aside: nobody comes for that unless a run dies; the members of each queue
-- Repeat: the mark says what is hidden by it, which is handed out again.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local function ms(t) return string.format('%.0f', t) end
local before = redis.call('GET', KEYS[1])
local hidden, out, next = before or ms(now + ARGV[2]), {}, nil
for i = 2, #KEYS do
  local most, members = tonumber(ARGV[i + 1]), {}
  local list = redis.call('ZRANGE', KEYS[i], 0, math.abs(most), 'WITHSCORES') -- one more
  for k = 1, #list, 2 do
    local at = tonumber(list[k + 1])
    local due = at <= now and #members < math.abs(most) and not (before and most > 0)
    if due then members[#members + 1] = list[k] end
    local mine = most > 0 and (due or before and at == tonumber(hidden))
    if not mine and (not next or at < next) then next = at end
  end
  if before and most > 0 then members = redis.call('ZRANGEBYSCORE', KEYS[i], hidden, hidden) end
  out[i - 1] = members
end
local some = false
for i, members in ipairs(before and {} or out) do
  local args = {}
  for _, member in ipairs(tonumber(ARGV[i + 2]) > 0 and members or {}) do
    args[#args + 1], args[#args + 2] = hidden, member
  end
  for k = 1, #args, 1000 do -- as many as Lua unpacks
    redis.call('ZADD', KEYS[i + 1], unpack(args, k, math.min(k + 999, #args)))
    some = true
  end
end
if some then redis.call('SET', KEYS[1], hidden, 'PX', ARGV[2]) end
return {ms(now), hidden, next and ms(next) or '', unpack(out)}
