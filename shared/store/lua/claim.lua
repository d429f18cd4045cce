-- claim: hand out recipients of one shard for whom something is due.
-- KEYS  1 waiting  2 queue  3 calls waiting  4 calls' queue  5 watch  6 spread queue
--       7 overdue cards  8 circuits and 9 gone, of shard 0 only
-- a     limit, calls (only those), lease (ms), token, watch (ms)
-- reply now; calls and messages, each user and document in turn; 1 if group messages wait
--       to be spread; 1 if cards are overdue; circuits, name and JSON in turn; size of gone
redis.call('SET', KEYS[5], ms(now + a.watch), 'PX', a.watch)

-- Cards are named after the lease, so a recipient who is in both lanes gets two.
local function take(waiting, queue, token)
  local out = {}
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', queue, '-inf', ms(now), 'LIMIT', 0, a.limit)) do
    local s = redis.call('HGET', waiting, user)
    if s then
      redis.call('ZADD', queue, ms(now + a.lease), user)
      local ok, doc = pcall(cjson.decode, s)
      if ok and type(doc) == 'table' then
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

local function due(queue)
  local first = redis.call('ZRANGEBYSCORE', queue, '-inf', ms(now), 'LIMIT', 0, 1)
  return #first
end

local calls = take(KEYS[3], KEYS[4], a.token .. 'C')
local messages = a.calls and {} or take(KEYS[1], KEYS[2], a.token)
local circuits = KEYS[8] and redis.call('HGETALL', KEYS[8]) or {}
return {ms(now), calls, messages, due(KEYS[6]), due(KEYS[7]), circuits, KEYS[9] and redis.call('SCARD', KEYS[9]) or 0}
