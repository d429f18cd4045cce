-- pace: take from what may be done at a rate, and say for how long to wait before it.
-- KEYS  1 until when the rate is used up, ms; a space; the last call
-- ARGV  the time in ms, or "" for the server's; the call, a word of its own; what it uses up; what may
--       be used at once; the longest wait that it reserves; and that anybody does; all in ms
-- reply for how long to wait, in microseconds; 1 if that is reserved
-- Repeat: it is the last call. After others the cost is taken twice: all wait longer, none goes too early.
local t = redis.call('TIME')
local now = tonumber(ARGV[1]) or t[1] * 1000 + math.floor(t[2] / 1000)
local burst, far = tonumber(ARGV[4]), tonumber(ARGV[6])
local used, by = string.match(redis.call('GET', KEYS[1]) or '0', '^([%d.]+) ?(.*)$')
used = tonumber(used)
if by ~= ARGV[2] then
  if used < now or used > now + far + burst then used = now end -- later than waits make it: the clock was set back
  used = tonumber(string.format('%.3f', used + ARGV[3])) -- as it is kept
end
local wait = math.max(used - burst - now, 0)
if by ~= ARGV[2] and wait > tonumber(ARGV[5]) then return {math.ceil(wait * 1000), 0} end
redis.call('SET', KEYS[1], string.format('%.3f ', used) .. ARGV[2], 'PX', 2 * (far + burst)) -- outlives every wait
return {math.ceil(wait * 1000), 1}
