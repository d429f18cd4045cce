-- grant: a user accepted templates in the subscribe dialog.
-- KEYS  1 subscriber  2 marks of grants  3 erased
-- a     id, source, at (ms), templates, pair (ms), session (ms)
-- reply 0
-- Repeat: the grant has its mark, which is written with its effect.
if erased(KEYS[3]) then return 0 end
local sub = subscriber(KEYS[1]) -- one that cannot be read stops here, before the mark
if not first(KEYS[2], a.id) then return 0 end
a.at = math.min(a.at, now + 300000) -- a wrong clock must not keep it from being switched off
local other = a.source == 'popup' and 'report' or 'popup'
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
    -- Several taps are one session. Between two of them we learn how many absences wanted
    -- a permit: a moving average and how far from it they are, as TCP does for round trips.
    -- Source: https://www.rfc-editor.org/rfc/rfc6298
    if not l.gs or a.at > l.gs + a.session then
      local sample = l.ab or 0
      if l.gs then
        l.ea, l.ed = l.ea or EXPECTED, l.ed or DEVIATION
        l.ed = l.ed + (math.abs(sample - l.ea) - l.ed) / 4
        l.ea = l.ea + (sample - l.ea) / 4
      end
      l.ab = 0
    end
    l.gs = math.max(l.gs or 0, a.at)
  end
end
keep(KEYS[1], sub)
return 0
