-- read: a recipient has read a conversation.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 reads  6 counts
--       7 calls waiting  8 dead letters  9 who has some
-- a     user, peer (a user, or "@" and a group), upto (s), reason, keep (whether it holds
--       for messages still to come)
-- reply 0
-- Repeat: what was read has ended, and a report is taken once, by its time. An own reply has
--   no mark: like any reply of its second it ends what was sent up to then.
if redis.call('HEXISTS', KEYS[1], 'o') == 0 then return 0 end
local doc, call = load(KEYS[2], a.user), load(KEYS[7], a.user) -- what cannot be read stops here
local letters = a.keep and {} or lettersOf(KEYS[8]) -- a report is still known when a dead letter is opened
if a.keep then
  -- IM signs no body: a time far ahead must not silence what is sent later.
  a.upto = math.min(a.upto, math.floor(now / 1000) + 300)
  if a.upto <= numberIn(redis.call('HGET', KEYS[5], hashed(a.peer)), -1) then return 0 end
end
local function hasRead(n)
  if n.t > a.upto or n.f then return false end
  if n.r then return '@' .. n.r == a.peer end
  return isFrom(n, a.peer)
end
unbury(letters, KEYS[8], KEYS[9], a.user, KEYS[4], KEYS[6], 'read', a.reason, hasRead)
if doc then finalWaiting(doc, KEYS[4], KEYS[6], 'read', a.reason, hasRead) end
seenNow(KEYS[1], a.user, doc, KEYS[3], call)
if doc then save(doc, KEYS[2], KEYS[3], a.user) end
if call then redis.call('HSET', KEYS[7], a.user, cjson.encode(call)) end
if a.keep then -- last, so that a report that stops at what cannot be read may be told of again
  redis.call('HSET', KEYS[5], hashed(a.peer), string.format('%.0f', a.upto))
  redis.call('PEXPIRE', KEYS[5], 25 * 3600000)
  -- Peers read longest ago are forgotten; their messages were recorded long since.
  forget(KEYS[5], 200, function(upto) return tonumber(upto) * 1000 < now - DAY end)
end
return 0
