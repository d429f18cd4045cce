-- finish: write down what became of a claimed recipient, and let go of him.
-- KEYS  1 his lane's waiting  2 its queue  3 timeline  4 counts  5 recipient
--       6 dead letters  7 who has some  8 messages waiting  9 messages' queue
-- a     user, token, card, final [{state, reason, messages}], handed [id], vain [id],
--       missed (calls are told), dead (JSON or ""), again, hold, asked, attempts, neutral,
--       absence (seen, told, kept, counted or ""), steps [JSON], at (ms, of the last
--       step), lead, blind, ttl, soon, most
-- reply state, reason and number of messages, for each end that came about
-- Repeat: the lease is let go, so nothing changes. The answer is empty: the log of the run
--   misses the ends, the timeline has them.

-- bury keeps a letter of notices that are given up. It holds no text of theirs.
local function bury(notices)
  for _, n in ipairs(notices) do n.c, n.g, n.x = nil, nil, nil end
  local letter = cjson.decode(a.dead)
  letter.n = notices
  redis.call('HSET', KEYS[6], letter.id, cjson.encode(letter))
  redis.call('PEXPIRE', KEYS[6], 30 * DAY)
  forget(KEYS[6], 100, function(s) return cjson.decode(s).at < now - 7 * DAY end)
  redis.call('ZADD', KEYS[7], ms(now), a.user)
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', ms(now - 30 * DAY)) -- their letters are gone
end

-- goesOn writes down how the absence of the recipient goes on.
local function goesOn(doc, who, other)
  local ab = who.ab or {n = 0, t = 0}
  if a.absence == 'seen' then
    ab = nil
  elseif a.absence == 'told' then
    ab = {n = ab.n + 1, t = now, c = 1}
  elseif a.absence == 'kept' then
    ab.k, ab.t = (ab.k or 0) + 1, now
  else
    if ab.n == 0 then ab.t = now end -- he had gone before: news of that is no new absence
    ab.c = 1
  end
  if ab then redis.call('HSET', KEYS[5], 'ab', cjson.encode(ab)) else redis.call('HDEL', KEYS[5], 'ab') end
  doc.ab, who.ab = ab, ab
  if other then -- what waits in the lane of messages has to know of it too
    other.ab = ab
    redis.call('HSET', KEYS[8], a.user, cjson.encode(other))
  end
end

local doc = load(KEYS[1], a.user)
if not doc or doc.l ~= a.token then return {} end
if a.card ~= '' and doc.c and doc.c.i ~= a.card then return {} end
local who = bound(KEYS[5])
local other = KEYS[1] ~= KEYS[8] and load(KEYS[8], a.user) or nil
for _, s in ipairs(a.steps) do note(KEYS[3], s) end

local ending = {} -- message -> number of its end
local ends = {}   -- {state, reason, messages that were still there}
for i, f in ipairs(a.final) do
  ends[i] = {f.state, f.reason, {}}
  for _, id in ipairs(f.messages) do ending[id] = i end
end
local handed, vain = {}, {}
for _, id in ipairs(a.handed) do handed[id] = true end
for _, id in ipairs(a.vain) do vain[id] = true end

-- Who has logged in as another openid since his card began has lost no binding: what was on the
-- card waits for the next.
local elsewhere = doc.c and who and who.o ~= doc.c.o

local rest, told, buried = {}, {}, {}
for _, n in ipairs(doc.n) do
  local put_off = a.card ~= '' and n.c == a.card
  local i = ending[n.i]
  if i and elsewhere and ends[i][1] == 'unbound' then i = nil end
  local shown = i and ends[i][1] == 'delivered' or handed[n.i]
  if put_off and n.g and not shown then -- read, recalled or ended while it was on the card
    if n.g[3] == 1 then
      vain[n.i] = true
      i = nil
    else
      ends[#ends + 1] = {n.g[1], n.g[2], {}}
      i = #ends
    end
  end
  if handed[n.i] then
    -- gone with its card
  elseif i then
    table.insert(ends[i][3], n.i)
    if ends[i][1] == 'dead' then buried[#buried + 1] = n end
  elseif vain[n.i] and not a.missed then
    ends[#ends + 1] = {'ended', 'timed_out', {n.i}}
  elseif vain[n.i] then
    told[#told + 1] = n
  else
    if put_off then n.c, n.g = nil, nil end
    rest[#rest + 1] = n
  end
end

if a.dead ~= '' and #buried > 0 then bury(buried) end
if a.absence ~= '' and not doc.rs and who then goesOn(doc, who, other) end
doc.n = rest
if a.card ~= '' then doc.c = nil end
if not doc.c then doc.rs = nil end
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
for _, n in ipairs(told) do
  if who then
    missed(KEYS[8], KEYS[9], a.user, who, KEYS[3], KEYS[4], n)
  else
    ends[#ends + 1] = {'unbound', '', {n.i}}
  end
end
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
