-- trip: open a circuit. One that is open for longer already stays as it is.
-- KEYS  1 circuits
-- a     name, until (ms), detail
-- reply 0
-- Repeat: the circuit is open until then already.
local readable, known = pcall(cjson.decode, redis.call('HGET', KEYS[1], a.name) or '{}')
if readable and type(known) == 'table' and (tonumber(known.u) or a['until']) > a['until'] then return 0 end
redis.call('HSET', KEYS[1], a.name, cjson.encode({u = a['until'], d = a.detail}))
return 0
