-- ring: a call rings at a recipient. Two sources may tell of one call under two names:
-- an invitation by the same caller, from the other source, within a.same of the first, is
-- the same call; if one of them does not say who calls, by the same group. It has one
-- notice, and ends when either source says so.
-- KEYS  1 recipient  2 calls waiting  3 calls' queue  4 ring log  5 timeline  6 watch
--       7 counts  8 waiting  9 queue  10 index and 11 marks of today  12 erased users
--       13 dead letters  14 who has some  15 answers
-- a     user, id (its Identity), mark, field (of the index), source, caller, group, at, ring, same, missed
--       (told or not), ttl, lead, blind, soon, most (times in ms)
-- reply 1 if a run of deliver should be woken, else 0
-- Repeat: the ring log has the call, and woken answers as before. A recipient who is not bound
--   is counted once for each call.
local who = bound(KEYS[1])
if not who then
  notBound(KEYS[7], KEYS[15])
  return 0
end
-- IM signs no body: a call of the future rings now, and one without a time too.
if a.at <= 0 or a.at > now then a.at = now end

local call = callIn(KEYS[4], a.id)
if call and (call.rung or call.same) then return (woken(KEYS[6])) end -- told before

local function sameParty(other)
  if other.p == '' or a.caller == '' then return a.group ~= '' and other.r == a.group end
  return other.p == hashed(a.caller)
end
local all = redis.call('HGETALL', KEYS[4])
local twin, of -- of two calls one soon after the other, each has two names
for i = 1, #all, 2 do
  local other = callIn(KEYS[4], all[i], all[i + 1])
  local apart = math.abs(other.at - a.at)
  if not other.same and not other.tw and other.rung and other.s ~= a.source and apart <= a.same
    and sameParty(other) and (not twin or apart < math.abs(twin.at - a.at)) then
    twin, of = other, all[i]
  end
end
if twin then
  twin.tw = 1
  local due
  if call then
    local k = {log = KEYS[4], waiting = KEYS[2], queue = KEYS[3], messages = KEYS[8], later = KEYS[9], timeline = KEYS[5], counts = KEYS[7],
      letters = KEYS[13], dead = KEYS[14]}
    due = ringsNoMore(k, a.user, who, of, twin, call.st, call.re, call.ms == 1)
  end
  redis.call('HSET', KEYS[4], of, cjson.encode(twin), a.id, cjson.encode({same = of, at = a.at}))
  return due and wake(KEYS[6], due, a.soon) or 0
end
local over = call and call.st
call = {s = a.source, p = hashed(a.caller), r = a.group, at = a.at, rung = 1, st = over, re = call and call.re, ms = call and call.ms}

local notice = {i = a.id, k = 'call', p = a.caller, t = math.floor(a.at / 1000), q = 0, w = a.at + a.ring, e = a.at + a.ring}
if a.group ~= '' then notice.r = a.group end
if forgotten(KEYS[12], a.caller) then unnamed(notice) end
local muted = mutedFor(who.p, notice)
local due
if muted then
  final(KEYS[5], KEYS[7], 'muted', muted, {a.id})
elseif over or notice.e <= now then -- we hear of the ringing when it is over
  if a.missed and (not over or call.ms == 1) then
    due = missed(KEYS[8], KEYS[9], a.user, who, KEYS[5], KEYS[7], notice)
  else
    final(KEYS[5], KEYS[7], over or 'ended', call.re or 'timed_out', {a.id})
  end
else
  local doc = open(KEYS[2], a.user, who)
  if #doc.n >= a.most then
    final(KEYS[5], KEYS[7], 'not counted', 'crowded', {a.id})
  else
    doc.n[#doc.n + 1] = notice
    due = schedule(doc, KEYS[3], a.user, now)
    save(doc, KEYS[2], KEYS[3], a.user)
    note(KEYS[5], cjson.encode({t = now, k = 'accepted', m = {a.id}}))
  end
end
-- Last, so that a call whose document cannot be read may be told of again.
redis.call('HSET', KEYS[4], a.id, cjson.encode(call))
redis.call('PEXPIRE', KEYS[4], DAY)
forget(KEYS[4], 50, function(c) return cjson.decode(c).at < now - 3600000 end)
index(KEYS[10], a.field, a.user)
remember(KEYS[11], a.mark, 'n')
return due and wake(KEYS[6], due, a.soon) or 0
