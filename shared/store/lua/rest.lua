-- rest: say what falls due in time; if nothing does, stop watching the shard.
-- KEYS  1 queue  2 watch
-- a     until (ms), stop
-- reply when the next recipient is due, ms; or ""
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] and tonumber(first[2]) < a['until'] then return ms(tonumber(first[2])) end
if a.stop then redis.call('DEL', KEYS[2]) end
return ''
