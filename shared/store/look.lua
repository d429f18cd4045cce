-- look: tell the time, and read what is to be seen at one moment.
-- KEYS  of the reads
-- ARGV  the time in ms, or "" for the server's; then each read: its command, the number of its key,
--       how many arguments it has, and those
-- reply the time in ms, then the replies to the reads
-- Repeat: it writes nothing.
local now, i = ARGV[1], 2
if now == '' then
  local t = redis.call('TIME')
  now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end
local replies = {now}
while i <= #ARGV do
  local n = tonumber(ARGV[i + 2])
  replies[#replies + 1] = redis.call(ARGV[i], KEYS[tonumber(ARGV[i + 1])], unpack(ARGV, i + 3, i + 2 + n))
  i = i + 3 + n
end
return replies
