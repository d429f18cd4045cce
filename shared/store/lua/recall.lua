-- recall: a message was taken back. One that is still to come is marked.
-- KEYS  1 recipient  2 waiting  3 queue  4 marks of today  5 of yesterday  6 of tomorrow
--       7 timeline  8 counts
-- a     user, from, id, mark
-- reply 0
if redis.call('HEXISTS', KEYS[1], 'o') == 0 then return 0 end
local doc = load(KEYS[2], a.user)
if doc and finalWaiting(doc, KEYS[7], KEYS[8], 'recalled', '', function(n) return n.i == a.id and n.p == a.from end) then
  save(doc, KEYS[2], KEYS[3], a.user)
elseif not seen(KEYS[4], KEYS[5], KEYS[6], a.mark) then
  remember(KEYS[4], a.mark, 'r')
end
return 0
