-- allow: count, within a window that begins with the first count.
-- KEYS  1 limit
-- a     add (0 or 1), limit, window (ms)
-- reply 1 if the count is within the limit, else 0
local n = tonumber(redis.call('GET', KEYS[1]) or '0')
if a.add == 1 then
  n = redis.call('INCR', KEYS[1])
  if n == 1 then redis.call('PEXPIRE', KEYS[1], a.window) end
  return n <= a.limit and 1 or 0
end
return n < a.limit and 1 or 0
