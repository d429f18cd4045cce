-- finish: write down what became of a claimed recipient, and let go of him.
-- KEYS  1 waiting  2 queue  3 timeline  4 counts
-- a     user, token, card, final [{state, reason, messages}], again, hold, asked,
--       attempts, neutral, steps [JSON], at (ms, of the last step)
-- reply state, reason and number of messages, for each end that came about
local doc = load(KEYS[1], a.user)
if not doc or doc.l ~= a.token then return {} end
if a.card ~= '' and doc.c and doc.c.i ~= a.card then return {} end
for _, s in ipairs(a.steps) do note(KEYS[3], s) end

local ending = {} -- message -> number of its end
local ends = {}   -- {state, reason, messages that were still there}
for i, f in ipairs(a.final) do
  ends[i] = {f.state, f.reason, {}}
  for _, id in ipairs(f.messages) do ending[id] = i end
end
local rest = {}
for _, n in ipairs(doc.n) do
  local put_off = a.card ~= '' and n.c == a.card
  local i = ending[n.i]
  local shown = i and (ends[i][1] == 'delivered' or ends[i][1] == 'unknown')
  if put_off and n.g and not shown then -- read or recalled while it was on the card
    ends[#ends + 1] = {n.g[1], n.g[2], {}}
    i = #ends
  end
  if i then
    table.insert(ends[i][3], n.i)
  else
    if put_off then n.c, n.g = nil, nil end
    rest[#rest + 1] = n
  end
end

doc.n = rest
if a.card ~= '' then doc.c = nil end
doc.h = a.hold and a.again or nil
local due = a.again > 0 and a.again or doc.d or now
if doc.d and not a.hold and doc.d < due then due = doc.d end
if #rest > 0 then redis.call('ZADD', KEYS[2], ms(due), a.user) end
doc.l, doc.le, doc.d = nil, nil, nil
doc.as = a.asked > 0 and a.asked or nil
doc.at = a.attempts > 0 and a.attempts or nil
doc.ne = a.neutral and 1 or nil
save(doc, KEYS[1], KEYS[2], a.user)

now = math.max(now, a.at) -- the ends come after the steps, whatever the clock of the run
local reply = {}
for _, e in ipairs(ends) do
  if #e[3] > 0 then
    final(KEYS[3], KEYS[4], e[1], e[2], e[3], nil, a.card ~= '' and a.card or nil)
    reply[#reply + 1] = e[1]
    reply[#reply + 1] = e[2]
    reply[#reply + 1] = #e[3]
  end
end
return reply
