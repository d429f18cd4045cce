-- overdue: hand out cards whose end is to be told their recipients.
-- KEYS  1 overdue cards
-- a     limit, lease (ms)
-- reply openid and card, with a line feed between, of each
local out = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms(now), 'LIMIT', 0, a.limit)
for _, member in ipairs(out) do redis.call('ZADD', KEYS[1], ms(now + a.lease), member) end
return out
