-- What scripts about a recipient share.

-- A lane is a queue and a hash of documents: one for messages, one for calls. load
-- returns the document of a recipient for whom something waits in a lane, or nil:
--   o  openid     on  1 online, 0 offline, absent unknown: as last reported
--   n  notices {i=Identity, k=kind, p=from, r=group, t=sent s, q=seq, x=summary, w=window end ms,
--      e=expires ms, f=announcement, c=card, g={state, reason, 1 if missed} to end in if
--      the card does not go out, h=hash of from, who was erased: then there is no p and no x}
--   c  the card that was begun {i=id, o=openid, t=template}
--   l  lease token    le  lease end ms
--   d  when to look again, wished for while the lease runs, ms
--   h  not before, ms
--   as asked since, ms    at  attempts    ne  neutral text
--   ab absence {n=cards, k=kept, t=last ms, c=1 if counted}    rs  1: seen since the claim
--   qh the user's quiet hours    b  the rules' blind window, ms
--   rp the attempt of the last replay, and how many notices it had wait
local LANE = {n = 'table', le = 'number?', d = 'number?', h = 'number?', b = 'number?', c = 'table?', ab = 'table?', rp = 'table?'}
local NOTICE = {i = 'string', p = 'string', r = 'string?', t = 'number', w = 'number', g = 'table?'}
local ABSENCE = {n = 'number', k = 'number?', t = 'number'}

local function load(key, user)
  local s = redis.call('HGET', key, user)
  if not s then return nil end
  local doc = document(s, key, user, LANE)
  if not allFit(doc.n, NOTICE) or doc.ab and not fits(doc.ab, ABSENCE) then unreadable(key, user) end
  return doc
end

-- bound returns what the record of a recipient says: o openid, on 1 online or 0 offline, ab absence,
-- p preferences {m=1 if muted, q=quiet hours, p=muted peers}; nil if they are bound to nobody.
local function bound(key)
  local r = redis.call('HMGET', key, 'o', 'on', 'ab', 'p')
  if not r[1] then return nil end
  local ab = r[3] and document(r[3], key, 'ab', ABSENCE) or nil
  local p = r[4] and document(r[4], key, 'p', {m = 'number?', q = 'string?', p = 'table?'}) or nil
  if p and not allFit(p.p, 'string') then unreadable(key, 'p') end
  return {o = r[1], on = tonumber(r[2]), ab = ab, p = p}
end

-- open is load for a notice to be added: a document that begins now knows of the
-- recipient what bound says.
local function open(key, user, who)
  local doc = load(key, user) or {n = {}}
  doc.o, doc.on = who.o, who.on
  if not doc.c then doc.ab = who.ab end
  doc.qh = who.p and who.p.q or nil
  return doc
end

local function leased(doc) return doc.l and doc.le and doc.le > now end

-- schedule makes the recipient due at t, or at what is due already if that is earlier.
-- While a run holds the recipient its wish is kept for finish.
local function schedule(doc, queue, user, t)
  if doc.h and doc.h > t then t = doc.h end
  if leased(doc) then
    if not doc.d or doc.d > t then doc.d = t end
    return t
  end
  local s = redis.call('ZSCORE', queue, user)
  if s and tonumber(s) <= t then return tonumber(s) end
  redis.call('ZADD', queue, ms(t), user)
  return t
end

-- windowWithin returns when a blind window of what waits ends next, but t if none does before.
local function windowWithin(doc, t)
  for _, n in ipairs(doc.n) do
    if n.w > now and n.w < t then t = n.w end
  end
  return t
end

-- save writes the document back, or removes it when nothing waits.
local function save(doc, key, queue, user)
  if #doc.n == 0 then
    redis.call('HDEL', key, user)
    redis.call('ZREM', queue, user)
  else
    redis.call('HSET', key, user, cjson.encode(doc))
  end
end

-- A sender who was erased keeps no name in what others were sent, but a recall, a read report
-- and who mutes him find it by his hash. isFrom reports whether a notice is of user.
local function isFrom(n, user) return n.p == user or n.h ~= nil and n.h == hashed(user) end

-- unnamed takes the sender out of a notice, and what he wrote.
local function unnamed(n) n.p, n.h, n.x = '', hashed(n.p), nil end

-- forgotten reports whether a user was erased and has not come back since. users are those
-- erased of late.
local function forgotten(users, user)
  return numberIn(redis.call('HGET', users, hashed(user)), 0) > now
end

-- unnamedInGroup returns a message of a group, which is JSON, without the users of whom gone
-- is true; nil if it names none of them.
local function unnamedInGroup(message, gone)
  local m, at = cjson.decode(message), {}
  local found = m.from ~= '' and gone(m.from)
  if found then m.from, m.summary = '', nil end
  for _, user in ipairs(m.at or {}) do
    if gone(user) then found = true else at[#at + 1] = user end
  end
  m.at = #at > 0 and at or nil
  return found and cjson.encode(m) or nil
end

-- mutedFor says why the user does not want the notice n, or nil. p are their preferences, see bound.
local function mutedFor(p, n)
  if not p then return nil end
  if p.m == 1 then return 'muted_all' end
  for _, peer in ipairs(p.p or {}) do
    if isFrom(n, peer) or n.r == peer then return 'muted_peer' end
  end
  return nil
end

-- seenNow begins a new absence: the recipient was here, so the next card is a first one. What
-- waited for a digest is due when its blind window ends, or one later if that has ended: IM may
-- show it to them. messages and calls are the documents of the two lanes, if something waits
-- there; a run that holds one may not write down what it told in the absence that is over.
local function seenNow(recipient, user, messages, queue, calls)
  local absence = redis.call('HDEL', recipient, 'ab') == 1
  for _, doc in pairs({messages, calls}) do
    doc.ab = nil
    if doc.l then doc.rs = 1 end
  end
  if not absence or not messages or #messages.n == 0 then return end
  local later = now + (messages.b or 0)
  for _, n in ipairs(messages.n) do
    if n.w <= now then n.w = later end
  end
  schedule(messages, queue, user, windowWithin(messages, later))
end

-- index lets a message be found by its id: which recipients of this shard had it. A
-- message for very many is found for the first of them. An index ends before the marks
-- of any message in it, from which an erasure knows where the user is named.
local function index(key, field, user)
  local users = redis.call('HGET', key, field)
  if not users then
    redis.call('HSET', key, field, user)
    redis.call('PEXPIRE', key, 2 * DAY)
  elseif #users < 4096 then
    redis.call('HSET', key, field, users .. '\n' .. user)
  end
end

-- missed has a call that rang in vain told as missed: it goes on in the lane of messages,
-- whose keys are waiting and queue. It takes a.lead, a.blind, a.ttl and a.most. It returns
-- when it is due, or nil.
local function missed(waiting, queue, user, who, timeline, counts, n)
  local doc = open(waiting, user, who)
  if #doc.n >= a.most then
    final(timeline, counts, 'not counted', 'crowded', {n.i})
    return nil
  end
  doc.b = a.blind
  doc.n[#doc.n + 1] = {i = n.i, k = 'missed_call', p = n.p, h = n.h, r = n.r, t = n.t, q = 0, w = now + a.blind, e = n.t * 1000 + a.ttl}
  local due = schedule(doc, queue, user, now + (doc.on == 1 and a.blind or a.lead))
  save(doc, waiting, queue, user)
  note(timeline, cjson.encode({t = now, k = 'accepted', m = {n.i}, r = 'missed_call'}))
  return due
end

-- finalWaiting ends the waiting notices that match, and reports whether there were any.
-- What travels on a card already ends so only if the card does not go out.
local function finalWaiting(doc, timeline, counts, state, reason, match, detail)
  local rest, gone, found = {}, {}, false
  for _, n in ipairs(doc.n) do
    if not match(n) then
      rest[#rest + 1] = n
    else
      found = true
      if n.c then
        n.g = n.g or {state, reason}
        rest[#rest + 1] = n
      else
        gone[#gone + 1] = n.i
      end
    end
  end
  doc.n = rest
  final(timeline, counts, state, reason, gone, detail)
  return found
end

-- keepLetter writes a dead letter back of which only rest is left, or removes it; what is not
-- in rest does not count as dead any more. dead says who has letters.
local function keepLetter(letters, dead, user, id, letter, rest, counts)
  count(counts, 'dead', #rest - #letter.n)
  letter.n = rest
  if #rest > 0 then
    redis.call('HSET', letters, id, cjson.encode(letter))
  else
    redis.call('HDEL', letters, id)
    if redis.call('EXISTS', letters) == 0 then redis.call('ZREM', dead, user) end
  end
end

local function letterIn(s, letters, id)
  local letter = document(s, letters, id, {n = 'table'})
  if not allFit(letter.n, NOTICE) then unreadable(letters, id) end
  return letter
end

-- lettersOf returns the dead letters of a recipient, each with its id before it.
local function lettersOf(letters)
  local all = redis.call('HGETALL', letters)
  for i = 1, #all, 2 do all[i + 1] = letterIn(all[i + 1], letters, all[i]) end
  return all
end

-- unbury ends the notices in dead letters, which are all, that match, so that nobody has them
-- announced again, and reports whether there were any.
local function unbury(all, letters, dead, user, timeline, counts, state, reason, match, detail)
  local found = false
  for i = 1, #all, 2 do
    local letter, rest, gone = all[i + 1], {}, {}
    for _, n in ipairs(letter.n) do
      if match(n) then gone[#gone + 1] = n.i else rest[#rest + 1] = n end
    end
    if #gone > 0 then
      found = true
      keepLetter(letters, dead, user, all[i], letter, rest, counts)
      final(timeline, counts, state, reason, gone, detail)
    end
  end
  return found
end

-- callIn returns what a ring log has of a call, or nil: s source  p caller, hashed  r group  at ms
--   rung 1: we heard it ring    st  re  ms how it ended: state, reason, 1 if in vain
--   tw  1: has two names        same  its other name, which has all this
local function callIn(log, id, s)
  s = s or redis.call('HGET', log, id)
  return s and document(s, log, id, {at = 'number', st = 'string?', re = 'string?', same = 'string?'}) or nil
end

-- ringsNoMore writes down that call, which the ring log knows as id, has ended in state; in
-- vain or not. What waits of it ends so, or goes on as missed if a.missed says that missed
-- calls are told. What was taken for missed, and was not in vain, ends too.
-- k are the keys {log, waiting, queue, messages, later (their queue), timeline, counts, dead
-- letters, who has some}. It returns when what goes on is due, or nil.
local function ringsNoMore(k, user, who, id, call, state, reason, vain)
  if call.st then return nil end
  local doc, later = load(k.waiting, user), load(k.messages, user) -- what cannot be read stops here
  local letters = vain and {} or lettersOf(k.letters)
  call.st, call.re, call.ms = state, reason, vain and 1 or 0
  redis.call('HSET', k.log, id, cjson.encode(call))
  redis.call('PEXPIRE', k.log, DAY)
  if later and not vain and finalWaiting(later, k.timeline, k.counts, state, reason, function(n)
    return n.i == id and n.k == 'missed_call'
  end) then
    save(later, k.messages, k.later, user)
  end
  unbury(letters, k.letters, k.dead, user, k.timeline, k.counts, state, reason, function(n) return n.i == id end)
  if not doc then return nil end
  local rest, told = {}, nil
  for _, n in ipairs(doc.n) do
    if n.i ~= id then
      rest[#rest + 1] = n
    elseif n.c then -- ends so only if its card does not go out
      n.g = n.g or {state, reason, vain and a.missed and 1 or 0}
      rest[#rest + 1] = n
    elseif vain and a.missed then
      told = n
    else
      final(k.timeline, k.counts, state, reason, {id})
    end
  end
  doc.n = rest
  save(doc, k.waiting, k.queue, user)
  return told and missed(k.messages, k.later, user, who, k.timeline, k.counts, told)
end

-- Marks tell a message that came before from a new one: n noted, f failed in IM,
-- r recalled before it came. They live in one hash a recipient and day, and are
-- looked for in three, so each is kept for a day at least, also when the clocks of
-- instances disagree on the day. A message may have r in one and n or f in another: it
-- came after its recall.
local function seen(today, yesterday, tomorrow, mark)
  local found = false
  for _, day in ipairs({today, yesterday, tomorrow}) do
    found = redis.call('HGET', day, mark) or found
    if found and found ~= 'r' then return found end
  end
  return found
end

local function remember(today, mark, what)
  redis.call('HSET', today, mark, what)
  redis.call('PEXPIRE', today, 2 * DAY)
end
