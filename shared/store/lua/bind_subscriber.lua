-- bind_subscriber: an openid belongs to a user from now on.
-- KEYS  1 subscriber  2 erased
-- a     user
-- reply 0
local sub = subscriber(KEYS[1])
sub.u, sub.x = a.user, nil
keep(KEYS[1], sub)
redis.call('DEL', KEYS[2])
return 0
