-- revoke: a user switched templates off; permits granted later stay.
-- KEYS  1 subscriber  2 marks of grants
-- a     id, at (ms), templates
-- reply 0
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local sub = subscriber(KEYS[1]) -- one that cannot be read stops here, before the mark
if not first(KEYS[2], a.id) then return 0 end
a.at = math.min(a.at, now + 300000) -- a wrong clock must not void what is granted later
for _, template in ipairs(a.templates) do
  zero(ledger(sub, template), a.at, 'revoked')
end
keep(KEYS[1], sub)
return 0
