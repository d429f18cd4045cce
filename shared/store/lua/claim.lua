-- claim: hand out recipients of one shard for whom something is due.
-- KEYS  1 waiting  2 queue  3 calls waiting  4 calls' queue  5 watch  6 spread queue
--       7 overdue cards  8 lease of the token  9 circuits and 10 gone, of shard 0 only
-- a     limit, calls (only those), lease (ms), token, watch (ms)
-- reply now; calls and messages, each user and document in turn; 1 if group messages wait
--       to be spread; 1 if cards are overdue; circuits, name and JSON in turn; size of gone
-- Repeat: the lease of the token is noted, and what it hides is handed out again.
redis.call('SET', KEYS[5], ms(now + a.watch), 'PX', a.watch)

local noted = leaseNoted(KEYS[8])

-- Cards are named after the lease, so a recipient who is in both lanes gets two.
local function take(waiting, queue, token)
  local out = {}
  for _, user in ipairs(dueIn(queue, a.limit, noted)) do
    local s = redis.call('HGET', waiting, user)
    local ok, doc = pcall(cjson.decode, s or '')
    ok = ok and type(doc) == 'table'
    if s and noted then
      if not ok or doc.l == token then
        out[#out + 1] = user
        out[#out + 1] = s
      end
    elseif s then
      redis.call('ZADD', queue, ms(now + a.lease), user)
      if ok then
        doc.l, doc.le, doc.d = token, now + a.lease, nil
        if not doc.c then doc.rs = nil end -- else he was seen since that card was begun
        s = cjson.encode(doc)
        redis.call('HSET', waiting, user, s)
      end
      out[#out + 1] = user
      out[#out + 1] = s
    else
      redis.call('ZREM', queue, user)
    end
  end
  return out
end

local function due(queue) return #dueIn(queue, 1) end

local calls = take(KEYS[3], KEYS[4], a.token .. 'C')
local messages = a.calls and {} or take(KEYS[1], KEYS[2], a.token)
if not noted and #calls + #messages > 0 then noteLease(KEYS[8]) end
local circuits = KEYS[9] and redis.call('HGETALL', KEYS[9]) or {}
return {ms(now), calls, messages, due(KEYS[6]), due(KEYS[7]), circuits, KEYS[10] and redis.call('SCARD', KEYS[10]) or 0}
