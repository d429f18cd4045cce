-- presence: IM reports that a recipient came or went.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 watch  6 calls waiting  7 calls' queue
-- a     user, online, at (ms, IM's clock), blind, grace, ask, soon
-- reply 1 if a run of deliver should be woken, else 0
-- Repeat: a report is taken once, by its time, and woken answers as before.
local r = redis.call('HMGET', KEYS[1], 'o', 'at', 'ab')
-- IM signs no body: a time far ahead must not silence what is reported later.
a.at = math.min(a.at, now + 300000)
if not r[1] or numberIn(r[2], -1) >= a.at then return (woken(KEYS[5])) end
local messages, calls = load(KEYS[2], a.user), load(KEYS[6], a.user) -- before anything is written
local ab = r[3] and document(r[3], KEYS[1], 'ab', ABSENCE) or nil
redis.call('HSET', KEYS[1], 'on', a.online and 1 or 0, 'at', ms(a.at))

-- moved applies it to a lane: online is when to look again if he came, offline if he went.
local function moved(doc, queue, online, offline)
  if not doc then return nil end
  doc.on = a.online and 1 or 0
  local due
  if not a.online then
    due = schedule(doc, queue, a.user, offline)
  elseif doc.c then
    due = schedule(doc, queue, a.user, online)
  else
    -- A run that looked before he came back must not send: it loses its lease.
    due = math.max(online, doc.h or 0)
    doc.l, doc.le, doc.d = nil, nil, nil
    redis.call('ZADD', queue, ms(due), a.user)
  end
  return doc, due
end

local doc, due = moved(messages, KEYS[3], now + a.blind, messages and windowWithin(messages, now + a.grace))
local call, ask = moved(calls, KEYS[7], now + a.ask, now)
if doc and a.online then
  for _, n in ipairs(doc.n) do n.w = math.max(n.w, now + a.blind) end
end
-- Also who goes was here: if we did not hear that he came, he was told in an absence
-- that is over. But not if he was told after he went, and we hear of that late.
if a.online or ab and a.at > ab.t then
  seenNow(KEYS[1], a.user, doc, KEYS[3], call)
end
if doc then save(doc, KEYS[2], KEYS[3], a.user) end
if call then save(call, KEYS[6], KEYS[7], a.user) end
if not doc and not call then return 0 end
note(KEYS[4], cjson.encode({t = now, k = a.online and 'returned' or 'left'}))
return wake(KEYS[5], math.min(due or ask, ask or due), a.soon)
