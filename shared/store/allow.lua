-- allow: count an attempt within a window that begins with the first, or take it back.
-- KEYS  1 the attempts that count
-- ARGV  "try"; the attempt, a word of its own; how many count; the window, ms
--       "look", "", how many: would one more count?
--       "forgive"; the attempt: take it back
-- reply 1 if the attempt counts, or if one more would; else 0
-- Repeat: an attempt is in the set once, and has the same answer each time.
if ARGV[1] == 'forgive' then return redis.call('SREM', KEYS[1], ARGV[2]) end
if redis.call('SISMEMBER', KEYS[1], ARGV[2]) == 1 then return 1 end
local n = redis.call('SCARD', KEYS[1])
if n >= tonumber(ARGV[3]) then return 0 end
if ARGV[1] == 'try' then
  redis.call('SADD', KEYS[1], ARGV[2])
  if n == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
end
return 1
