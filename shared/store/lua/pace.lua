-- pace: take from what may be done at a rate, and say for how long to wait before it.
-- KEYS  1 pace
-- a     cost (for how long the rate is used up by it), burst (how much of the rate may be
--       used at once), most (a longer wait is not reserved), far (nor is one by anybody);
--       all in ms
-- reply for how long to wait, in microseconds; 1 if that is reserved
local used = tonumber(redis.call('GET', KEYS[1]) or '0') -- until then the rate is used up
-- Later than waits can make it, it was written before the clock was set back.
if used < now or used > now + a.far + a.burst then used = now end
used = used + a.cost
local wait = math.max(used - a.burst - now, 0)
local reserved = wait <= a.most
if reserved then
  redis.call('SET', KEYS[1], string.format('%.3f', used), 'PX', 2 * (a.far + a.burst)) -- outlives every wait
end
return {math.ceil(wait * 1000), reserved and 1 or 0}
