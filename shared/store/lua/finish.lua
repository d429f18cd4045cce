-- finish: write down what became of a claimed recipient, and let go of him.
-- KEYS  1 waiting  2 queue  3 timeline  4 counts
-- a     user, token, card, final [{state, messages}], again, hold, asked, attempts,
--       neutral, steps [JSON]
-- reply 1, or 0 if the lease is lost
local doc = load(KEYS[1], a.user)
if not doc or doc.l ~= a.token then return 0 end
if a.card ~= '' and doc.c and doc.c.i ~= a.card then return 0 end

local done = {}
for _, f in ipairs(a.final) do
  local n = 0
  for _, id in ipairs(f.messages) do
    done[id] = true
    n = n + 1
  end
  redis.call('HINCRBY', KEYS[4], f.state, n)
end
local rest = {}
for _, n in ipairs(doc.n) do
  if a.card ~= '' and n.c == a.card then n.c = nil end
  if not done[n.i] then rest[#rest + 1] = n end
end
doc.n = rest
if a.card ~= '' then doc.c = nil end
doc.h = a.hold and a.again or nil
local due = a.again > 0 and a.again or now
if doc.d and a.again > 0 and not a.hold and doc.d < due then due = doc.d end
if #rest > 0 then redis.call('ZADD', KEYS[2], ms(due), a.user) end
doc.l, doc.le, doc.d = nil, nil, nil
doc.as = a.asked > 0 and a.asked or nil
doc.at = a.attempts > 0 and a.attempts or nil
doc.ne = a.neutral and 1 or nil
save(doc, KEYS[1], KEYS[2], a.user)
for _, s in ipairs(a.steps) do note(KEYS[3], s) end
return 1
