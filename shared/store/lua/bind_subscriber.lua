-- bind_subscriber: an openid belongs to a user from now on.
-- KEYS  1 subscriber  2 cards  3 moved  4 erased
-- a     user, openid
-- reply 0
-- Repeat: the same record is written.
local sub = subscriber(KEYS[1])
if sub.u ~= a.user then
  moves(sub, KEYS[2], KEYS[3], a.openid)
  sub.us = now
end
sub.u, sub.x = a.user, nil
keep(KEYS[1], sub)
redis.call('DEL', KEYS[4])
return 0
