-- presence: IM reports that a recipient came or went.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 watch
-- a     user, online, at (ms, IM's clock), blind, grace, soon
-- reply 1 if a run of deliver should be woken, else 0
local r = redis.call('HMGET', KEYS[1], 'o', 'at')
-- IM signs no body: a time far ahead must not silence what is reported later.
a.at = math.min(a.at, now + 300000)
if not r[1] or tonumber(r[2] or '-1') >= a.at then return 0 end
redis.call('HSET', KEYS[1], 'on', a.online and 1 or 0, 'at', ms(a.at))
local doc = load(KEYS[2], a.user)
if not doc then return 0 end
doc.on = a.online and 1 or 0

local due
if a.online then
  for _, n in ipairs(doc.n) do n.w = now + a.blind end
  due = now + a.blind
  if doc.c then
    schedule(doc, KEYS[3], a.user, due)
  else
    -- A run that looked before he came back must not send: it loses its lease.
    doc.l, doc.le, doc.d = nil, nil, nil
    redis.call('ZADD', KEYS[3], ms(math.max(due, doc.h or 0)), a.user)
  end
else
  due = schedule(doc, KEYS[3], a.user, now + a.grace)
end
save(doc, KEYS[2], KEYS[3], a.user)
note(KEYS[4], cjson.encode({t = now, k = a.online and 'returned' or 'left'}))
return wake(KEYS[5], due, a.soon)
