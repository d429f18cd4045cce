-- unbind_recipient: a user's cards go nowhere, if they went to this openid.
-- KEYS  1 recipient  2 waiting  3 queue  4 calls waiting  5 calls' queue  6 timeline  7 counts
-- a     user, openid, reason
-- reply 0
-- Repeat: the user is no longer bound to that openid.
if redis.call('HGET', KEYS[1], 'o') ~= a.openid then return 0 end
redis.call('DEL', KEYS[1])
for lane = 2, 4, 2 do
  local readable, doc = pcall(load, KEYS[lane], a.user)
  if readable and doc then -- else deliver says so, and whoever logs in is not kept from it
    finalWaiting(doc, KEYS[6], KEYS[7], 'unbound', a.reason, function() return true end)
    save(doc, KEYS[lane], KEYS[lane + 1], a.user)
  end
end
return 0
