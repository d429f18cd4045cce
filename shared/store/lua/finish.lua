-- finish: write down what became of a claimed recipient, and let go of him.
-- KEYS  1 waiting  2 queue  3 timeline  4 counts
-- a     user, token, card, final [{state, messages}], again, hold, asked, attempts,
--       neutral, steps [JSON]
-- reply 1, or 0 if the lease is lost
local doc = load(KEYS[1], a.user)
if not doc or doc.l ~= a.token then return 0 end
if a.card ~= '' and doc.c and doc.c.i ~= a.card then return 0 end

local state = {}
for _, f in ipairs(a.final) do
  for _, id in ipairs(f.messages) do state[id] = f.state end
end
-- What was read or recalled since it was claimed has ended already.
local rest, done = {}, {}
for _, n in ipairs(doc.n) do
  if a.card ~= '' and n.c == a.card then n.c = nil end
  if state[n.i] then
    redis.call('HINCRBY', KEYS[4], state[n.i], 1)
    done[n.i] = true
  else
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
for _, s in ipairs(a.steps) do
  local step = cjson.decode(s)
  if step.k == 'final' then
    local ended = {}
    for _, id in ipairs(step.m or {}) do
      if done[id] then ended[#ended + 1] = id end
    end
    step.m = ended
    s = #ended > 0 and cjson.encode(step)
  end
  if s then note(KEYS[3], s) end
end
return 1
