-- ring_end: a call rings no longer at a recipient. An end that overtakes its beginning is
-- kept for it.
-- KEYS  1 recipient  2 calls waiting  3 calls' queue  4 ring log  5 timeline  6 watch
--       7 counts  8 waiting  9 queue  10 dead letters  11 who has some
-- a     user, id (its Identity), source, caller, state, reason, vain (it rang in vain), missed (that is
--       told), ttl, lead, blind, soon, most (times in ms)
-- reply 1 if a run of deliver should be woken, else 0
-- Repeat: the ring log has the end, and woken answers as before.
local who = bound(KEYS[1])
if not who then return 0 end
local call = callIn(KEYS[4], a.id)
if call and call.same then -- the other source's name for it
  a.id = call.same
  call = callIn(KEYS[4], a.id)
end
local k = {log = KEYS[4], waiting = KEYS[2], queue = KEYS[3], messages = KEYS[8], later = KEYS[9], timeline = KEYS[5], counts = KEYS[7],
  letters = KEYS[10], dead = KEYS[11]}
local due = ringsNoMore(k, a.user, who, a.id, call or {s = a.source, p = hashed(a.caller), at = now}, a.state, a.reason, a.vain)
forget(KEYS[4], 50, function(c) return cjson.decode(c).at < now - 3600000 end)
return due and wake(KEYS[6], due, a.soon) or (woken(KEYS[6]))
