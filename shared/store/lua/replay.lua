-- replay: have the notices of a dead letter wait again, but for those that were read or muted
-- since.
-- KEYS  1 recipient  2 waiting  3 queue  4 timeline  5 dead letters  6 who has some
--       7 watch  8 counts  9 reads
-- a     user, id, ttl (ms), most, soon
-- reply how many wait again, or -1 if he is not bound; 1 if a run of deliver should be woken
-- Repeat: the call is kept with what waits, and the answer is the same as long as that waits; after it, 0.
local known = load(KEYS[2], a.user)
if known and known.rp and known.rp[1] == attempt then return {known.rp[2], (woken(KEYS[7]))} end
local s = redis.call('HGET', KEYS[5], a.id)
if not s then return {0, 0} end
local who = bound(KEYS[1])
if not who then return {-1, 0} end
local doc = open(KEYS[2], a.user, who)
local letter = letterIn(s, KEYS[5], a.id)

local function ended(n)
  local read = not n.f and numberIn(redis.call('HGET', KEYS[9], n.r and hashed('@' .. n.r) or n.h or hashed(n.p)))
  if read and read >= n.t then return 'read', 'read_report' end
  local muted = mutedFor(who.p, n)
  if muted then return 'muted', muted end
end

local messages, rest, left = {}, {}, #letter.n
for _, n in ipairs(letter.n) do
  local state, reason = ended(n)
  if state then
    final(KEYS[4], KEYS[8], state, reason, {n.i})
  elseif #doc.n >= a.most then
    rest[#rest + 1] = n
  else
    if n.k == 'call' then n.k = 'missed_call' end -- it has long stopped ringing
    n.c, n.g, n.w, n.e = nil, nil, now, now + a.ttl
    doc.n[#doc.n + 1] = n
    messages[#messages + 1] = n.i
  end
end
if #rest == left then return {0, 0} end
keepLetter(KEYS[5], KEYS[6], a.user, a.id, letter, rest, KEYS[8])
if #messages == 0 then return {0, 0} end
doc.at, doc.ne, doc.rp = nil, nil, {attempt, #messages}
local due = schedule(doc, KEYS[3], a.user, now)
save(doc, KEYS[2], KEYS[3], a.user)
note(KEYS[4], cjson.encode({t = now, k = 'accepted', m = messages, r = 'replayed'}))
return {#messages, wake(KEYS[7], due, a.soon)}
