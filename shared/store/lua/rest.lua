-- rest: say what falls due in time; if nothing does, stop watching the shard.
-- KEYS  1 queue  2 calls' queue  3 spread queue  4 overdue cards  5 watch
-- a     until (ms), stop
-- reply when the next is due, ms; or ""
-- Repeat: the answer is the same. A receiver that set the watch between the two has its run
--   woken twice.
local due
for i = 1, 4 do
  local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
  local at = first[2] and tonumber(first[2])
  if at and (not due or at < due) then due = at end
end
if due and due < a['until'] then return ms(due) end
if a.stop then redis.call('DEL', KEYS[5]) end
return ''
