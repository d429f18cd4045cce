-- unbind_recipient: a user's cards go nowhere, if they went to this openid.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 counts
-- a     user, openid, reason
-- reply 0
if redis.call('HGET', KEYS[1], 'o') ~= a.openid then return 0 end
redis.call('DEL', KEYS[1])
local doc = load(KEYS[2], a.user)
if doc then
  finalWaiting(doc, KEYS[4], KEYS[5], 'unbound', a.reason, function() return true end)
  save(doc, KEYS[2], KEYS[3], a.user)
end
return 0
