-- gone: count an openid that WeChat does not know, or end the row of them.
-- KEYS  1 gone
-- a     openid (its digest; "" ends the row)
-- reply how many different ones are in the row
-- Repeat: an openid is in the set once, and a row that was ended is empty.
if a.openid == '' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SADD', KEYS[1], a.openid)
redis.call('PEXPIRE', KEYS[1], DAY)
return redis.call('SCARD', KEYS[1])
