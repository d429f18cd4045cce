-- message: a message for a recipient.
-- KEYS  1 recipient  2 waiting  3 queue  4 marks of today  5 of yesterday  6 of tomorrow
--       7 timeline  8 reads  9 watch  10 counts
-- a     user, id, mark, from, sent (s), seq, text, failed, uncounted, ttl, lead, blind,
--       soon, most (all times in ms unless said)
-- reply 1 if a run of deliver should be woken, else 0
local who = redis.call('HMGET', KEYS[1], 'o', 'on')
if not who[1] then
  redis.call('HINCRBY', KEYS[10], 'not bound', 1)
  return 0
end

local mark = seen(KEYS[4], KEYS[5], KEYS[6], a.mark)
if a.failed ~= 0 then
  local code = 'code ' .. string.format('%.0f', a.failed)
  if not mark or mark == 'r' then
    final(KEYS[7], KEYS[10], 'failed in IM', '', {a.id}, code)
  elseif mark == 'n' then
    local doc = load(KEYS[2], a.user)
    if doc then
      finalWaiting(doc, KEYS[7], KEYS[10], 'failed in IM', '', function(n) return n.i == a.id and n.p == a.from end, code)
      save(doc, KEYS[2], KEYS[3], a.user)
    end
  end
  remember(KEYS[4], a.mark, 'f')
  return 0
end
if mark and mark ~= 'r' then return 0 end

remember(KEYS[4], a.mark, 'n')
local read = tonumber(redis.call('HGET', KEYS[8], a.from) or '-1')
local state, reason = nil, ''
if mark == 'r' then state = 'recalled'
elseif a.uncounted ~= '' then state, reason = 'not counted', a.uncounted
elseif read >= a.sent then state, reason = 'read', 'read_report'
elseif a.sent * 1000 + a.ttl <= now then state = 'expired'
end
local doc
if not state then
  doc = load(KEYS[2], a.user) or {n = {}}
  if #doc.n >= a.most then state, reason = 'not counted', 'crowded' end
end
if state then
  final(KEYS[7], KEYS[10], state, reason, {a.id})
  return 0
end

doc.o = who[1]
doc.on = tonumber(who[2])
local notice = {i = a.id, p = a.from, t = a.sent, q = a.seq, w = now + a.blind}
if a.text ~= '' then notice.x = a.text end
doc.n[#doc.n + 1] = notice
local due = schedule(doc, KEYS[3], a.user, now + (doc.on == 1 and a.blind or a.lead))
save(doc, KEYS[2], KEYS[3], a.user)
note(KEYS[7], cjson.encode({t = now, k = 'accepted', m = {a.id}}))
return wake(KEYS[9], due, a.soon)
