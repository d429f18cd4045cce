-- probe: let one caller try whether an open circuit can close, once its time has come.
-- KEYS  1 circuits
-- a     name, span (ms: for how long nobody else may)
-- reply 1 if it is this caller, else 0
-- Repeat: the call whose turn it is is kept, and is told so again.
local s = redis.call('HGET', KEYS[1], a.name)
if not s then return 0 end
local readable, circuit = pcall(cjson.decode, s)
if not readable or type(circuit) ~= 'table' then circuit = {} end -- tried, it is written anew
if circuit.by == attempt then return 1 end
if (tonumber(circuit.u) or now) > now then return 0 end
circuit.u, circuit.by = now + a.span, attempt
redis.call('HSET', KEYS[1], a.name, cjson.encode(circuit))
return 1
