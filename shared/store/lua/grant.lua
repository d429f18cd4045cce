-- grant: a user accepted templates in the subscribe dialog.
-- KEYS  1 subscriber  2 marks of grants  3 erased
-- a     id, source, at (ms), templates, pair (ms)
-- reply 0
if erased(KEYS[3]) then return 0 end
if not first(KEYS[2], a.id) then return 0 end
local other = a.source == 'popup' and 'report' or 'popup'
local sub = subscriber(KEYS[1])
for _, template in ipairs(a.templates) do
  local l = ledger(sub, template)
  -- Popup and report of one tap count once: each pairs with the nearest of the other.
  local pair
  for _, e in ipairs(l.e) do
    local apart = math.abs(e[AT] - a.at)
    if e[KIND] == other and not e[PAIRED] and apart <= a.pair and (not pair or apart < math.abs(pair[AT] - a.at)) then
      pair = e
    end
  end
  if pair then
    pair[PAIRED] = 1
  elseif a.at > (l.z or 0) then -- else it was switched off since, and we hear of it late
    entry(l, a.at, a.source, 1)
  end
end
keep(KEYS[1], sub)
return 0
