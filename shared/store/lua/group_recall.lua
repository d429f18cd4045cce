-- group_recall: messages of a group were taken back. Those that are still to come are
-- marked, and those on their way go no further.
-- KEYS  1 spreads  2 spread queue  3.. marks, of each message
-- a     ids, bits (of their marks)
-- reply 0
-- Repeat: the same marks are set.
for i, id in ipairs(a.ids) do
  redis.call('SETBIT', KEYS[2 + i], a.bits[i] + 1, 1)
  redis.call('PEXPIRE', KEYS[2 + i], 8 * DAY)
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return 0
