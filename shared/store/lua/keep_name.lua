-- keep_name: keep a name that was looked up, unless it is of somebody who was erased since.
-- KEYS  1 name  2 erased users
-- a     id (a user, or "@" and a group), name, ttl (ms)
-- reply 0
-- Repeat: the same name is kept.
if not forgotten(KEYS[2], a.id) then redis.call('SET', KEYS[1], a.name, 'PX', a.ttl) end
return 0
