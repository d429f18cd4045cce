-- tell: write down at a recipient how a card of his ended.
-- KEYS  1 recipient  2 timeline  3 counts  4 mark of this end  5 waiting  6 queue
--       7 calls waiting  8 calls' queue
-- a     user, card, state, reason, was (the state that this corrects, or ""), messages
-- reply how many messages reached the state; 0 if that was written down before
-- Repeat: the mark names the call that told the end, which gets the same answer.
local n = #a.messages
local by = redis.call('GET', KEYS[4])
if n == 0 or by then return by == attempt and n or 0 end

-- The run that sent a card writes down its end, but for unknown ones, which end here. While
-- the card is open that has not happened: what it carries ends now, and once. Of an erased
-- openid no run finds the card any more, so it is let go of here.
if a.state == 'erased' or a.was ~= '' and a.was ~= 'unknown' then
  for lane, doc in pairs({[5] = load(KEYS[5], a.user), [7] = load(KEYS[7], a.user)}) do
    if doc.c and doc.c.i == a.card then
      local rest = {}
      for _, notice in ipairs(doc.n) do
        if notice.c ~= a.card then rest[#rest + 1] = notice end
      end
      doc.n, a.was = rest, ''
      save(doc, KEYS[lane], KEYS[lane + 1], a.user)
    end
  end
end
if a.was ~= '' then count(KEYS[3], a.was, -n) end
if redis.call('HEXISTS', KEYS[1], 'o') == 1 then
  final(KEYS[2], KEYS[3], a.state, a.reason, a.messages, nil, a.card)
else -- erased or bound to nobody: only counted
  count(KEYS[3], a.state, n)
end
redis.call('SET', KEYS[4], attempt, 'PX', 2 * DAY)
return n
