-- pace: take from what may be done at a rate, and say for how long to wait before it.
-- KEYS  1 pace
-- a     cost (for how long the rate is used up by it), burst (how much of the rate may be
--       used at once), most (a longer wait is not reserved), far (nor is one by anybody);
--       all in ms
-- reply for how long to wait, in microseconds; 1 if that is reserved
-- Repeat: the last call is kept with the time, so one that is repeated before others come
--   takes nothing more. Else the cost is taken twice: all wait longer, nobody goes too early.
local used, by = string.match(redis.call('GET', KEYS[1]) or '0', '^([%d.]+) ?(.*)$')
used = tonumber(used) -- until then the rate is used up
if by ~= attempt then
  -- Later than waits can make it, it was written before the clock was set back.
  if used < now or used > now + a.far + a.burst then used = now end
  used = tonumber(string.format('%.3f', used + a.cost)) -- as it is kept
end
local wait = math.max(used - a.burst - now, 0)
local reserved = by == attempt or wait <= a.most
if reserved then
  redis.call('SET', KEYS[1], string.format('%.3f', used) .. ' ' .. attempt, 'PX', 2 * (a.far + a.burst)) -- outlives every wait
end
return {math.ceil(wait * 1000), reserved and 1 or 0}
