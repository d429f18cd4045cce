-- Shared by every script. A script is this file followed by its own.
--
-- ARGV[1]  the time in ms, or "" for the store's own clock
-- ARGV[2]  the arguments as a JSON object, below called a
--
-- All keys of a script are in KEYS and in one slot. Names of keys are in keys.go.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local a = cjson.decode(ARGV[2])

local DAY = 86400000

-- ms formats a time as an integer: tostring would write 1.7953056e+12.
local function ms(t) return string.format('%.0f', t) end

-- document decodes what a script keeps. A script stops at one that cannot be read, so it
-- reads before it writes: what it has written stays, and whoever asked asks again.
local function document(s)
  local doc = cjson.decode(s)
  if type(doc) ~= 'table' then error('a document cannot be read') end
  return doc
end

-- A lane is a queue and a hash of documents: one for messages, one for calls. load
-- returns the document of a recipient for whom something waits in a lane, or nil:
--   o  openid     on  1 online, 0 offline, absent unknown: as last reported
--   n  notices {i=id, k=kind, p=from, r=group, t=sent s, q=seq, x=summary, w=window end ms,
--      e=expires ms, f=announcement, c=card, g={state, reason, 1 if missed} to end in if
--      the card does not go out, h=hash of from, who was erased: then there is no p and no x}
--   c  the card that was begun {i=id, o=openid, t=template}
--   l  lease token    le  lease end ms
--   d  when to look again, wished for while the lease runs, ms
--   h  not before, ms
--   as asked since, ms    at  attempts    ne  neutral text
--   ab absence {n=cards, k=kept, t=last ms, c=1 if counted}    rs  1: seen since the claim
--   qh the user's quiet hours
local function load(key, user)
  local s = redis.call('HGET', key, user)
  return s and document(s) or nil
end

-- open is load for a notice to be added: a document that begins now knows of the
-- recipient what his record says, which is {o, on, ab, p}.
local function open(key, user, who)
  local doc = load(key, user) or {n = {}}
  doc.o, doc.on = who[1], tonumber(who[2])
  if not doc.c then doc.ab = who[3] and cjson.decode(who[3]) or nil end
  local p = who[4] and cjson.decode(who[4]) or nil
  doc.qh = p and p.q or nil
  return doc
end

local function leased(doc) return doc.l and doc.le > now end

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

-- note appends a step, given as JSON, to a timeline: the last 100, for 7 days.
local function note(key, step)
  redis.call('LPUSH', key, step)
  redis.call('LTRIM', key, 0, 99)
  redis.call('PEXPIRE', key, 7 * DAY)
end

-- final notes and counts that messages ended.
local function final(timeline, counts, state, reason, messages, detail, card)
  if #messages == 0 then return end
  redis.call('HINCRBY', counts, state, #messages)
  local step = {t = now, k = 'final', m = messages, s = state, d = detail, c = card}
  if reason ~= '' then step.r = reason end
  note(timeline, cjson.encode(step))
end

-- hashed is how a user is named where others have something to do with him and the name
-- itself is not needed.
local function hashed(user) return user == '' and '' or string.sub(redis.sha1hex(user), 1, 16) end

-- A sender who was erased keeps no name in what others were sent, but a recall, a read report
-- and who mutes him find it by his hash. isFrom reports whether a notice is of user.
local function isFrom(n, user) return n.p == user or n.h ~= nil and n.h == hashed(user) end

-- unnamed takes the sender out of a notice, and what he wrote.
local function unnamed(n) n.p, n.h, n.x = '', hashed(n.p), nil end

-- forgotten reports whether a user was erased and has not come back since. users are those
-- erased of late.
local function forgotten(users, user)
  return tonumber(redis.call('HGET', users, hashed(user)) or '0') > now
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

-- mutedFor says why the user does not want the notice n, or nil. p are his preferences
-- {m=1 if muted, q=quiet hours, p=muted peers}.
local function mutedFor(p, n)
  if not p then return nil end
  if p.m == 1 then return 'muted_all' end
  for _, peer in ipairs(p.p or {}) do
    if isFrom(n, peer) or n.r == peer then return 'muted_peer' end
  end
  return nil
end

-- seenNow begins a new absence: the recipient was here, so the next card is a first one.
-- doc is his document in a lane, if something waits; a run that holds it may not write
-- down what it told him in the absence that is over.
local function seenNow(recipient, doc)
  redis.call('HDEL', recipient, 'ab')
  if doc then
    doc.ab = nil
    if doc.l then doc.rs = 1 end
  end
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
  redis.call('HINCRBY', counts, 'dead', #rest - #letter.n)
  letter.n = rest
  if #rest > 0 then
    redis.call('HSET', letters, id, cjson.encode(letter))
  else
    redis.call('HDEL', letters, id)
    if redis.call('EXISTS', letters) == 0 then redis.call('ZREM', dead, user) end
  end
end

-- unbury ends the notices in dead letters that match, so that nobody has them announced again,
-- and reports whether there were any.
local function unbury(letters, dead, user, timeline, counts, state, reason, match, detail)
  local all, found = redis.call('HGETALL', letters), false
  for i = 1, #all, 2 do
    local letter, rest, gone = cjson.decode(all[i + 1]), {}, {}
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

-- ringsNoMore writes down that call, which the ring log knows as id, has ended in state; in
-- vain or not. What waits of it ends so, or goes on as missed if a.missed says that missed
-- calls are told. What was taken for missed, and was not in vain, ends too.
-- k are the keys {log, waiting, queue, messages, later (their queue), timeline, counts, dead
-- letters, who has some}. It returns when what goes on is due, or nil.
local function ringsNoMore(k, user, who, id, call, state, reason, vain)
  if call.st then return nil end
  local doc, later = load(k.waiting, user), load(k.messages, user) -- what cannot be read stops here
  call.st, call.re, call.ms = state, reason, vain and 1 or 0
  redis.call('HSET', k.log, id, cjson.encode(call))
  redis.call('PEXPIRE', k.log, DAY)
  if later and not vain and finalWaiting(later, k.timeline, k.counts, state, reason, function(n)
    return n.i == id and n.k == 'missed_call'
  end) then
    save(later, k.messages, k.later, user)
  end
  if not vain then unbury(k.letters, k.dead, user, k.timeline, k.counts, state, reason, function(n) return n.i == id end) end
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

-- wake reports 1 if something is due soon and nobody watches, and makes sure that
-- of many callers one hears it.
local function wake(watch, due, soon)
  if due > now + soon then return 0 end
  local until_ = tonumber(redis.call('GET', watch) or '0')
  if until_ > now then return 0 end
  redis.call('SET', watch, ms(now + 5000), 'PX', 5000)
  return 1
end

-- forget deletes from a hash that has more than most fields those that old says of by
-- their value.
local function forget(key, most, old)
  if redis.call('HLEN', key) <= most then return end
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if old(all[i + 1]) then redis.call('HDEL', key, all[i]) end
  end
end

-- first marks a grant or revoke, and reports whether it came for the first time.
local function first(marks, id)
  if redis.call('HSETNX', marks, id, ms(now)) == 0 then return false end
  redis.call('PEXPIRE', marks, DAY)
  forget(marks, 64, function(at) return tonumber(at) <= now - DAY end)
  return true
end

-- erased reports whether an openid was erased and has not come back since.
local function erased(tombstone)
  return tonumber(redis.call('GET', tombstone) or '0') > now
end

-- subscriber returns the record of an openid, which is one small document:
--   u  user    l  template -> ledger    a  template -> card being sent
--   x  1: WeChat does not know the openid    pt  pace of his cards, ms
--   ev reports of cards that no card has met yet {i=msgid, t=template, at ms, f=failed, r=ms}
local function subscriber(key)
  local s = redis.call('GET', key)
  local sub = s and document(s) or {}
  sub.l, sub.a = sub.l or {}, sub.a or {}
  return sub
end

-- keep writes the record back. Empty tables have no one form in JSON: they are left
-- out, and an empty record is none.
--
-- Whoever never logs in is forgotten after a month.
local function keep(key, sub)
  for template, l in pairs(sub.l) do
    if l.e and #l.e == 0 then l.e = nil end
    if not l.e and not l.z and not l.gs and (l.ab or 0) == 0 and l.b + l.h + l.o == 0 then sub.l[template] = nil end
  end
  local doc = {u = sub.u, l = next(sub.l) and sub.l, a = next(sub.a) and sub.a, x = sub.x, pt = sub.pt,
    ev = sub.ev and #sub.ev > 0 and sub.ev or nil}
  if doc.pt and doc.pt <= now then doc.pt = nil end
  if next(doc) then
    redis.call('SET', key, cjson.encode(doc))
    if not sub.u then redis.call('PEXPIRE', key, 30 * DAY) end
  else
    redis.call('DEL', key)
  end
end

-- Cards outlive every message that could travel on them, and no longer.
local CARDS_KEPT = 8 * DAY

-- moves notes that an openid is no more its user's, so that an erasure of him finds the cards
-- there that name him.
local function moves(sub, cards, moved, openid)
  if not sub.u or redis.call('EXISTS', cards) == 0 then return end
  redis.call('ZADD', moved, ms(now + CARDS_KEPT), openid)
  redis.call('ZREMRANGEBYSCORE', moved, '-inf', ms(now))
  redis.call('PEXPIRE', moved, CARDS_KEPT)
end

-- keepCards keeps the cards of an openid, and that it moved, if it did.
local function keepCards(cards, moved, openid)
  redis.call('PEXPIRE', cards, CARDS_KEPT)
  redis.call('ZADD', moved, 'XX', ms(now + CARDS_KEPT), openid)
  redis.call('PEXPIRE', moved, CARDS_KEPT)
end

-- ledger returns the account of one template's permits:
--   b  permits not spent, those held included    h  held for cards being sent
--   o  opening balance    e  the last 20 events, each {ms, kind, change of b, 1 if paired}
--   z  grants up to then, ms, are void
--   gs last granting session, ms    ab  absences that wanted a permit since
--   ea how many there are between two granting sessions, on average    ed  mean deviation
--   dr drift: WeChat had none
-- At any time o + the sum of all changes is b.
local function ledger(sub, template)
  local l = sub.l[template] or {b = 0, h = 0, o = 0}
  l.e = l.e or {}
  sub.l[template] = l
  return l
end

-- What is taken for ea and ed before there is a history. A digest leaves ea + 6 ed: 20.
local EXPECTED, DEVIATION = 5, 2.5

-- Places in an event.
local AT, KIND, CHANGE, PAIRED = 1, 2, 3, 4

-- entry changes the balance and says why; the oldest entries go into the opening.
local function entry(l, t, kind, n)
  l.b = l.b + n
  l.e[#l.e + 1] = {t, kind, n}
  while #l.e > 20 do
    l.o = l.o + l.e[1][CHANGE]
    table.remove(l.e, 1)
  end
end

-- zero takes away the permits granted at or before t. Permits are used oldest first,
-- so of b permits the newest b are left.
local function zero(l, t, kind)
  l.z = math.max(l.z or 0, t)
  local newer = 0
  for _, e in ipairs(l.e) do
    if e[CHANGE] > 0 and e[AT] > t then newer = newer + e[CHANGE] end
  end
  if l.b > newer then entry(l, now, kind, newer - l.b) end
end

-- settle writes down the outcome of a card that is being sent, in sub and in cards.
--   s  sending, delivered, unknown, not sent, refused, void    t  template    u  user
--   la lane    at  reserved ms    le  lease end ms    lg  1: long-term    m  messages
--   f  final state of its notices    d  detail    id  WeChat's message id
--   ua how long it may be unknown, ms    w  until when it is, ms; then its permit is spent
--   v  1: was unknown    q  1: because its run ended early
--   rp 1: WeChat has reported    ra  when, ms
--   tell  [{state, reason, the state that this corrects or ""}] still to be told its recipient
local function spend(l, card, kind)
  l.h = math.max(l.h - 1, 0)
  if not card.lg then entry(l, now, kind, -math.min(1, l.b)) end
end

local function settle(sub, cards, overdue, member, id, card, s)
  local l = ledger(sub, card.t)
  if s.permit == 'held' then
    card.w, card.v = now + (s.after or card.ua or 120000), 1
    card.q = s.stranded and 1 or nil
    redis.call('ZADD', overdue, ms(card.w), member)
  elseif s.permit == 'spent' then
    spend(l, card, s.state)
  else
    l.h = math.max(l.h - 1, 0)
    if s.permit == 'zeroed' then zero(l, card.at, s.state) end
  end
  if s.drift then l.dr = (l.dr or 0) + 1 end
  if sub.a[card.t] == id then sub.a[card.t] = nil end
  card.s, card.f, card.id, card.d, card.le = s.state, s.final, s.msgid, s.detail, nil
  if card.s ~= 'unknown' and card.s ~= 'delivered' then card.m = nil end -- else WeChat's report may end them
  redis.call('HSET', cards, id, cjson.encode(card))
end

-- report makes a card of what WeChat reports of it. It corrects a card once.
local function report(sub, cards, overdue, member, id, card, e)
  local was = card.s
  card.rp, card.ra = 1, e.at
  if e.i ~= '' then card.id = e.i end
  local state = e.f == '' and 'delivered' or 'refused'
  local corrects = was
  if card.w then -- unknown, and its permit is still held
    spend(ledger(sub, card.t), card, state)
    card.w, corrects = nil, ''
  end
  if was ~= state then
    card.s, card.f, card.tell = state, state, card.tell or {}
    table.insert(card.tell, {state, 'reported', corrects})
    redis.call('ZADD', overdue, ms(now), member)
  else
    card.m = nil
  end
  redis.call('HSET', cards, id, cjson.encode(card))
end

-- match brings reports and cards together: by WeChat's message id, or if one of the two
-- has none by template and time, and then only when no card of the template is being sent,
-- which could be meant.
local REPORT_KEPT = 600000
local function match(sub, cards, overdue, openid)
  if not sub.ev then return end
  local all = redis.call('HGETALL', cards)
  local rest = {}
  for _, e in ipairs(sub.ev) do
    local hit, sending
    for i = 1, #all, 2 do
      local card = cjson.decode(all[i + 1])
      if card.t == e.t and not card.rp then
        if card.s == 'sending' then
          sending = true
        elseif e.i ~= '' and card.id == e.i then
          hit = {i, card}
          sending = false
          break
        elseif (card.s == 'unknown' or card.s == 'delivered') and (e.i == '' or not card.id)
          and card.at - 5000 <= e.at and e.at - card.at <= REPORT_KEPT and (not hit or card.at > hit[2].at) then
          hit = {i, card}
        end
      end
    end
    if hit and not sending then
      report(sub, cards, overdue, openid .. '\n' .. all[hit[1]], all[hit[1]], hit[2], e)
      all[hit[1] + 1] = redis.call('HGET', cards, all[hit[1]])
    elseif e.r > now - REPORT_KEPT then
      rest[#rest + 1] = e
    end
  end
  sub.ev = rest
end
