-- preferences: what a user wants to be told of. What waits and is muted now ends, and what waits
-- for the end of quiet hours that are others now is due at once.
-- KEYS  1 recipient  2 waiting  3 queue  4 calls waiting  5 calls' queue  6 timeline  7 counts
-- a     user, value (JSON of the preferences)
-- reply 1, or 0 if he is not bound
-- Repeat: the same preferences are written. What they mute has ended, and what they bring
--   forward is due.
if redis.call('HEXISTS', KEYS[1], 'o') == 0 then return 0 end
local p, lanes = cjson.decode(a.value), {[2] = load(KEYS[2], a.user), [4] = load(KEYS[4], a.user)}
redis.call('HSET', KEYS[1], 'p', a.value)
for lane, doc in pairs(lanes) do
  local others = doc.qh and doc.qh ~= p.q
  doc.qh = p.q
  for _, why in ipairs({'muted_all', 'muted_peer'}) do
    finalWaiting(doc, KEYS[6], KEYS[7], 'muted', why, function(n) return mutedFor(p, n) == why end)
  end
  if others and #doc.n > 0 then schedule(doc, KEYS[lane + 1], a.user, now) end
  save(doc, KEYS[lane], KEYS[lane + 1], a.user)
end
return 1
