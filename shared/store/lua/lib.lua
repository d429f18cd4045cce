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

-- load returns the document of a recipient for whom something waits, or nil:
--   o  openid     on  1 online, 0 offline, absent unknown: as last reported
--   n  notices {i=id, p=peer, t=sent s, q=seq, x=summary, w=window end ms, c=card,
--      g={state, reason} to end in if the card does not go out}
--   c  the card that was begun {i=id, o=openid, t=template}
--   l  lease token    le  lease end ms
--   d  when to look again, wished for while the lease runs, ms
--   h  not before, ms
--   as asked since, ms    at  attempts    ne  neutral text
local function load(key, user)
  local s = redis.call('HGET', key, user)
  return s and cjson.decode(s) or nil
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
local function subscriber(key)
  local s = redis.call('GET', key)
  local sub = s and cjson.decode(s) or {}
  sub.l, sub.a = sub.l or {}, sub.a or {}
  return sub
end

-- keep writes the record back. Empty tables have no one form in JSON: they are left
-- out, and an empty record is none.
--
-- Whoever never logs in is forgotten after a month.
local function keep(key, sub)
  for _, l in pairs(sub.l) do
    if l.e and #l.e == 0 then l.e = nil end
  end
  local doc = {u = sub.u, l = next(sub.l) and sub.l, a = next(sub.a) and sub.a}
  if next(doc) then
    redis.call('SET', key, cjson.encode(doc))
    if not sub.u then redis.call('PEXPIRE', key, 30 * DAY) end
  else
    redis.call('DEL', key)
  end
end

-- ledger returns the account of one template's permits:
--   b  permits not spent, those held included    h  held for cards being sent
--   o  opening balance    e  the last 20 events, each {ms, kind, change of b, 1 if paired}
--   z  grants up to then, ms, are void
-- At any time o + the sum of all changes is b.
local function ledger(sub, template)
  local l = sub.l[template] or {b = 0, h = 0, o = 0}
  l.e = l.e or {}
  sub.l[template] = l
  return l
end

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
local function settle(sub, cards, id, card, s)
  local l = ledger(sub, card.t)
  l.h = math.max(l.h - 1, 0)
  if s.permit == 'spent' then
    entry(l, now, s.state, -math.min(1, l.b))
  elseif s.permit == 'zeroed' then
    zero(l, card.at, s.state)
  end
  if sub.a[card.t] == id then sub.a[card.t] = nil end
  card.s, card.f, card.id, card.d, card.le = s.state, s.final, s.msgid, s.detail, nil
  redis.call('HSET', cards, id, cjson.encode(card))
end
