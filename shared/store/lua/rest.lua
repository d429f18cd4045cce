-- rest: stop watching a shard unless something falls due in time.
-- KEYS  1 queue  2 watch
-- a     until (ms)
-- reply when the next recipient is due, ms; or "" and nobody watches
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] and tonumber(first[2]) < a['until'] then return ms(tonumber(first[2])) end
redis.call('DEL', KEYS[2])
return ''
