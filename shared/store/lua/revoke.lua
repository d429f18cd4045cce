-- revoke: a user switched templates off; permits granted later stay.
-- KEYS  1 subscriber  2 marks of grants  3 erased
-- a     id, at (ms), templates
-- reply 0
-- Repeat: the revoke has its mark, which is written with its effect.
if erased(KEYS[3]) then return 0 end
local known = redis.call('EXISTS', KEYS[1]) == 1
local sub = subscriber(KEYS[1]) -- one that cannot be read stops here, before the mark
if not first(KEYS[2], a.id) then return 0 end
a.at = math.min(a.at, now + 300000) -- a wrong clock must not void what is granted later
for _, template in ipairs(a.templates) do
  zero(ledger(sub, template), a.at, 'revoked')
end
keep(KEYS[1], sub)
if not known then redis.call('PEXPIRE', KEYS[1], DAY) end -- an older grant may still come
return 0
