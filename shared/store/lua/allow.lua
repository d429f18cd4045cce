-- allow: count an attempt within a window that begins with the first, or take it back.
-- KEYS  1 limit: the attempts that count
-- a     attempt (its token, new for each; "": only look), drop (1: take it back), limit, window (ms)
-- reply 1 if the attempt counts, or if one more would; else 0
-- Repeat: an attempt is in the set once, and has the same answer each time.
if a.drop == 1 then return redis.call('SREM', KEYS[1], a.attempt) end
if redis.call('SISMEMBER', KEYS[1], a.attempt) == 1 then return 1 end
local n = redis.call('SCARD', KEYS[1])
if n >= a.limit then return 0 end
if a.attempt ~= '' then
  redis.call('SADD', KEYS[1], a.attempt)
  if n == 0 then redis.call('PEXPIRE', KEYS[1], a.window) end
end
return 1
