-- overdue: hand out cards whose end is to be told their recipients.
-- KEYS  1 overdue cards  2 lease of the token
-- a     limit, lease (ms)
-- reply openid and card, with a line feed between, of each
-- Repeat: the lease of the token is noted, and what it hides is handed out again.
local noted = leaseNoted(KEYS[2])
local out = dueIn(KEYS[1], a.limit, noted)
if noted or #out == 0 then return out end
noteLease(KEYS[2])
for _, member in ipairs(out) do redis.call('ZADD', KEYS[1], ms(now + a.lease), member) end
return out
