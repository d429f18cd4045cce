-- recall: a message was taken back. One that is still to come is marked.
-- KEYS  1 recipient  2 waiting  3 queue  4 marks of today  5 of yesterday  6 of tomorrow
--       7 timeline  8 counts  9 dead letters  10 who has some
-- a     user, id (its Identity), mark
-- reply 0
-- Repeat: the message has ended, and its mark is set.
if redis.call('HEXISTS', KEYS[1], 'o') == 0 then return 0 end
local function recalled(n) return n.i == a.id end
local doc = load(KEYS[2], a.user)
if doc and finalWaiting(doc, KEYS[7], KEYS[8], 'recalled', '', recalled) then
  save(doc, KEYS[2], KEYS[3], a.user)
  return 0
end
if unbury(lettersOf(KEYS[9]), KEYS[9], KEYS[10], a.user, KEYS[7], KEYS[8], 'recalled', '', recalled) then return 0 end
if not seen(KEYS[4], KEYS[5], KEYS[6], a.mark) then remember(KEYS[4], a.mark, 'r') end
return 0
