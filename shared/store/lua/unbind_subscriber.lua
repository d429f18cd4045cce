-- unbind_subscriber: an openid belongs to nobody, if it belonged to this user.
-- KEYS  1 subscriber
-- a     user
-- reply 0
local sub = subscriber(KEYS[1])
if sub.u == a.user then
  sub.u = nil
  keep(KEYS[1], sub)
end
return 0
