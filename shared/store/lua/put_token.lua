-- put_token: a token was fetched.
-- KEYS  1 token
-- a     token, ttl (ms)
-- reply 0
-- Repeat: the same token is written.
redis.call('HSET', KEYS[1], 't', a.token, 'e', ms(now + a.ttl))
redis.call('HDEL', KEYS[1], 'l', 'by')
redis.call('PEXPIRE', KEYS[1], a.ttl + 60000) -- outlives the lease of who renews it last
return 0
