-- bind_subscriber: an openid belongs to a user from now on.
-- KEYS  1 subscriber  2 erased
-- a     user ("" asks for the one stored, or a.default if none is), default
-- reply the user it belongs to, and the one it belonged to before or ""
local sub = subscriber(KEYS[1])
local before = sub.u or ''
sub.u = a.user
if sub.u == '' then sub.u = before ~= '' and before or a.default end
local user = sub.u
keep(KEYS[1], sub)
redis.call('DEL', KEYS[2])
return {user, before}
