-- group_message: a message of a group, to be spread to its members.
-- KEYS  1 spreads  2 spread queue  3 marks  4 watch  5 erased users
-- a     id, bit (of its marks), message (JSON), expires (ms)
-- reply 1 if a run of deliver should be woken, else 0
-- Repeat: the message has its mark, and woken answers as before.
if redis.call('GETBIT', KEYS[3], a.bit) == 1 then return (woken(KEYS[4])) end
if redis.call('GETBIT', KEYS[3], a.bit + 1) == 1 then return 0 end -- its recall was faster
-- IM signs no body: a time far ahead must not keep it for ever.
a.expires = math.min(a.expires, now + DAY)
if a.expires <= now then return 0 end
if redis.call('EXISTS', KEYS[5]) == 1 then
  a.message = unnamedInGroup(a.message, function(user) return forgotten(KEYS[5], user) end) or a.message
end
redis.call('HSET', KEYS[1], a.id, cjson.encode({m = a.message, x = a.expires}))
redis.call('ZADD', KEYS[2], ms(now), a.id)
redis.call('SETBIT', KEYS[3], a.bit, 1) -- after all that may stop, for then the message is to come again
redis.call('PEXPIRE', KEYS[3], 8 * DAY)
return wake(KEYS[4], now, 0)
