-- message: a message, or an announcement, for a recipient.
-- KEYS  1 recipient  2 waiting  3 queue  4 marks of today  5 of yesterday  6 of tomorrow
--       7 timeline  8 reads  9 watch  10 counts  11 index of today  12 erased users
--       13 dead letters  14 who has some  15 answers
-- a     user, id (its Identity), mark, field (of the index), kind, from, group, peer (among reads),
--       sent (s), seq, text, announcement (JSON), failed, uncounted, ttl, lead, blind,
--       steps [ms], soon, most (all times in ms unless said)
-- reply 1 if a run of deliver should be woken, else 0; final state and reason, or ""
-- Repeat: the message has its mark, and woken and answered say what was said before. A
--   recipient who is not bound is counted once for each call.
local who = bound(KEYS[1])
if not who then
  notBound(KEYS[10], KEYS[15])
  return {0, 'not bound', ''}
end

-- IM signs no body: a time far ahead must not keep it from being read, or for ever.
a.sent = math.min(a.sent, math.floor(now / 1000) + 300)
local mark = seen(KEYS[4], KEYS[5], KEYS[6], a.mark)
local new = not mark or mark == 'r' -- a recall may have been faster
if a.failed ~= 0 then
  local code = 'code ' .. string.format('%.0f', a.failed)
  if new then
    final(KEYS[7], KEYS[10], 'failed in IM', '', {a.id}, code)
    index(KEYS[11], a.field, a.user)
  elseif mark == 'n' then
    local function this(n) return n.i == a.id end
    local doc, letters = load(KEYS[2], a.user), lettersOf(KEYS[13])
    if doc then
      finalWaiting(doc, KEYS[7], KEYS[10], 'failed in IM', '', this, code)
      save(doc, KEYS[2], KEYS[3], a.user)
    end
    unbury(letters, KEYS[13], KEYS[14], a.user, KEYS[7], KEYS[10], 'failed in IM', '', this, code)
  end
  remember(KEYS[4], a.mark, 'f')
  return {0, 'failed in IM', ''}
end
if not new then
  local state, reason = string.match(answered(KEYS[15]) or ',', '^(.*),(.*)$')
  return {woken(KEYS[9]), state, reason}
end

local read = numberIn(redis.call('HGET', KEYS[8], hashed(a.peer)))
local muted = mutedFor(who.p, {p = a.from, r = a.group})
local state, reason = nil, ''
if mark == 'r' then state = 'recalled'
elseif a.uncounted ~= '' then state, reason = 'not counted', a.uncounted
elseif read and read >= a.sent then state, reason = 'read', 'read_report'
elseif a.sent * 1000 + a.ttl <= now then state = 'expired'
elseif muted then state, reason = 'muted', muted
end
local doc
if not state then -- one that cannot be read stops here, before the message is marked as known
  doc = open(KEYS[2], a.user, who)
  if #doc.n >= a.most then state, reason = 'not counted', 'crowded' end
end
index(KEYS[11], a.field, a.user)
if state then
  remember(KEYS[4], a.mark, 'n')
  if a.announcement ~= '' then noteAnswer(KEYS[15], state .. ',' .. reason) end -- which is told the backend
  final(KEYS[7], KEYS[10], state, reason, {a.id})
  return {0, state, reason}
end

-- The members of a group are told page by page. What counts is when it was said, so that all
-- fall due together and IM is asked about hundreds of them at a time.
local since = now
if a.group ~= '' then since = math.max(math.min(now, a.sent * 1000), now - a.lead) end
local notice = {i = a.id, k = a.kind, p = a.from, t = a.sent, q = a.seq, w = since + a.blind, e = a.sent * 1000 + a.ttl}
if a.group ~= '' then notice.r = a.group end
if a.text ~= '' then notice.x = a.text end
if forgotten(KEYS[12], a.from) then unnamed(notice) end
local due = since + (doc.on == 1 and a.blind or a.lead)
if a.announcement ~= '' then
  notice.f = a.announcement
  due = now
elseif doc.ab and doc.ab.n > 0 then -- told in this absence already: the next card is a digest
  due = math.max(due, doc.ab.t + a.steps[math.min(doc.ab.n + (doc.ab.k or 0), #a.steps)])
end
doc.b, doc.n[#doc.n + 1] = a.blind, notice
due = schedule(doc, KEYS[3], a.user, due)
remember(KEYS[4], a.mark, 'n') -- after all that may stop, for then the message is to come again
save(doc, KEYS[2], KEYS[3], a.user)
note(KEYS[7], cjson.encode({t = now, k = 'accepted', m = {a.id}}))
return {wake(KEYS[9], due, a.soon), '', ''}
