-- unbind_subscriber: an openid belongs to nobody, if it belonged to this user.
-- KEYS  1 subscriber  2 cards  3 moved  4 erased
-- a     user, openid
-- reply 0
-- Repeat: the openid no longer belongs to that user.
local sub = subscriber(KEYS[1])
if sub.u == a.user then
  moves(sub, KEYS[2], KEYS[3], a.openid)
  sub.u = nil
  keep(KEYS[1], sub)
end
return 0
