-- token: the shared access token, and whether the caller should renew it.
-- KEYS  1 token
-- a     early (ms), lease (ms)
-- reply token or "", expiry (ms), 1 if the caller is to renew
-- Repeat: the call that is to renew is kept, and is told so again.
local t = redis.call('HMGET', KEYS[1], 't', 'e', 'l', 'by')
local expires = tonumber(t[2] or '0')
local token = t[1] or ''
if expires <= now then token = '' end
local renew = 0
if (token == '' or expires - a.early <= now) and (tonumber(t[3] or '0') <= now or t[4] == attempt) then
  redis.call('HSET', KEYS[1], 'l', ms(now + a.lease), 'by', attempt)
  renew = 1
end
return {token, ms(expires), renew}
