-- read: a recipient has read a conversation.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 reads  6 counts
-- a     user, peer, upto (s), reason, keep (whether it holds for messages still to come)
-- reply 0
if redis.call('HEXISTS', KEYS[1], 'o') == 0 then return 0 end
if a.keep then
  -- IM signs no body: a time far ahead must not silence what is sent later.
  a.upto = math.min(a.upto, math.floor(now / 1000) + 300)
  if a.upto <= tonumber(redis.call('HGET', KEYS[5], a.peer) or '-1') then return 0 end
  redis.call('HSET', KEYS[5], a.peer, string.format('%.0f', a.upto))
  redis.call('PEXPIRE', KEYS[5], 25 * 3600000)
  -- Peers read longest ago are forgotten; their messages were recorded long since.
  forget(KEYS[5], 200, function(upto) return tonumber(upto) * 1000 < now - DAY end)
end
local doc = load(KEYS[2], a.user)
if doc then
  finalWaiting(doc, KEYS[4], KEYS[6], 'read', a.reason, function(n) return n.p == a.peer and n.t <= a.upto end)
  save(doc, KEYS[2], KEYS[3], a.user)
end
return 0
