-- end_cards: end the cards of an openid of which it is not known whether they were shown, since
-- whoever got them is being erased. Their permits are spent.
-- KEYS  1 subscriber  2 cards  3 overdue cards
-- a     openid, user (whose cards, which then are forgotten; "": everybody's)
-- reply the cards whose end is to be told; none if all were
-- Repeat: what has ended stays so, and is named until told removes it.
local sub = subscriber(KEYS[1])
local all, untold = cardsOf(KEYS[2]), {}
for i = 1, #all, 2 do
  local id, card = all[i], all[i + 1]
  if a.user == '' or card.u == a.user then
    local l = ledger(sub, card.t)
    if card.w then
      spend(l, card, 'unknown')
      card.w, card.f, card.tell = nil, 'erased', {{'erased', '', ''}}
      redis.call('HSET', KEYS[2], id, cjson.encode(card))
      redis.call('ZADD', KEYS[3], ms(now), a.openid .. '\n' .. id)
    end
    if card.tell then
      untold[#untold + 1] = id
    elseif a.user ~= '' then
      if card.s == 'sending' then l.h = math.max(l.h - 1, 0) end -- settle spends the permit, if it comes to that
      if sub.a[card.t] == id then sub.a[card.t] = nil end
      redis.call('HDEL', KEYS[2], id)
    end
  end
end
keep(KEYS[1], sub)
return untold
