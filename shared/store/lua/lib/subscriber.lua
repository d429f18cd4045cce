-- What scripts about an openid share.

-- first marks a grant or revoke, and reports whether it came for the first time.
local function first(marks, id)
  if redis.call('HSETNX', marks, id, ms(now)) == 0 then return false end
  redis.call('PEXPIRE', marks, DAY)
  forget(marks, 64, function(at) return tonumber(at) <= now - DAY end)
  return true
end

-- erased reports whether an openid was erased and has not come back since.
local function erased(tombstone)
  return numberIn(redis.call('GET', tombstone), 0) > now
end

-- subscriber returns the record of an openid, which is one small document:
--   u  user    us since when they are bound, ms    l  template -> ledger    a  template -> card being sent
--   x  1: WeChat does not know the openid    pt  pace of his cards, ms
--   ev reports of cards that no card has met yet {i=msgid, t=template, at ms, f=failed, r=ms}
local EVENT = {i = 'string', t = 'string', at = 'number', f = 'string', r = 'number'}
local LEDGER = {b = 'number', h = 'number', o = 'number', e = 'table?', z = 'number?', gs = 'number?', ab = 'number?', ea = 'number?',
  ed = 'number?', dr = 'number?'} -- see ledger

local function subscriber(key)
  local s = redis.call('GET', key)
  local sub = s and document(s, key, nil, {l = 'table?', a = 'table?', pt = 'number?', ev = 'table?'}) or {}
  sub.l, sub.a = sub.l or {}, sub.a or {}
  local sound = allFit(sub.l, LEDGER) and allFit(sub.a, 'string') and allFit(sub.ev, EVENT)
  for _, l in pairs(sound and sub.l or {}) do sound = sound and allFit(l.e, {'number', 'string', 'number'}) end
  if not sound then unreadable(key) end
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
  local doc = {u = sub.u, us = sub.u and sub.us, l = next(sub.l) and sub.l, a = next(sub.a) and sub.a, x = sub.x, pt = sub.pt,
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
--   dr drift: WeChat had none    lc the last card, hashed, that changed it and of which nothing is kept
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

-- paysFirst reports whether a card of which nothing is kept changes the ledger for the first time.
local function paysFirst(l, card)
  local last = l.lc
  l.lc = string.sub(redis.sha1hex(card), 1, 8)
  return l.lc ~= last
end

-- zero takes away the permits granted at or before t. Each card used the oldest that was known
-- when it was paid for; those in the opening are older than all.
local function zero(l, t, kind)
  l.z = math.max(l.z or 0, t)
  local opening, left, newer = l.o, {}, 0
  for _, e in ipairs(l.e) do
    for _ = 1, e[CHANGE] do left[#left + 1] = e[AT] end
    table.sort(left)
    for _ = 1, -e[CHANGE] do
      if opening > 0 then opening = opening - 1 else table.remove(left, 1) end
    end
  end
  for _, at in ipairs(left) do
    if at > t then newer = newer + 1 end
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
local CARD = {s = 'string', t = 'string', at = 'number', le = 'number?', m = 'table?', ua = 'number?', w = 'number?', tell = 'table?'}

local function cardIn(s, cards, id)
  local card = document(s, cards, id, CARD)
  if card.s == 'sending' and not card.le or card.tell and not fits(card.tell[1], {'string', 'string', 'string'}) then unreadable(cards, id) end
  return card
end

-- cardAt returns a card, or nil.
local function cardAt(cards, id)
  local s = redis.call('HGET', cards, id)
  return s and cardIn(s, cards, id) or nil
end

-- cardsOf returns the cards of an openid, each with its id before it.
local function cardsOf(cards)
  local all = redis.call('HGETALL', cards)
  for i = 1, #all, 2 do all[i + 1] = cardIn(all[i + 1], cards, all[i]) end
  return all
end

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

-- How long a report waits for its card, ms.
local REPORT_KEPT = 600000

-- match brings reports and cards together: by WeChat's message id, or if one of the two
-- has none by template and time, and then only when no card of the template is being sent,
-- which could be meant. Cards that cannot be read are none.
local function match(sub, cards, overdue, openid)
  if not sub.ev then return end
  local all = redis.call('HGETALL', cards)
  local rest = {}
  for _, e in ipairs(sub.ev) do
    local hit, sending
    for i = 1, #all, 2 do
      local readable, card = pcall(cardIn, all[i + 1], cards, all[i])
      if readable and card.t == e.t and not card.rp then
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
