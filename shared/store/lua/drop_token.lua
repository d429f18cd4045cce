-- drop_token: WeChat refused a token. Only that very token is forgotten.
-- KEYS  1 token
-- a     token
-- reply 0
-- Repeat: that token is gone, and another one stays.
if redis.call('HGET', KEYS[1], 't') == a.token then redis.call('HDEL', KEYS[1], 't', 'e') end
return 0
