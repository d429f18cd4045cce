-- Shared by every script, as all files of this folder are: a script is they, in the order of
-- their names, and its own.
--
-- ARGV[1]  the time in ms, or "" for the store's own clock
-- ARGV[2]  the arguments as a JSON object, below called a
-- ARGV[3]  the attempt, a word of its own for each call. The client repeats a call, word by word,
--          whose answer was lost: so a script may run twice, and has the effect of one run. Its
--          head says why, and calls that a repeat.
--
-- All keys of a script are in KEYS and in one slot. Names of keys are in keys.go.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local a = cjson.decode(ARGV[2])
local attempt = ARGV[3]

local DAY = 86400000

-- ms formats a time as an integer: tostring would write 1.7953056e+12.
local function ms(t) return string.format('%.0f', t) end

-- unreadable stops a script at what cannot be read, and names the key that holds it. unreadable.go
-- looks for the word.
local function unreadable(key, field)
  error('UNREADABLE ' .. key .. (field and ' ' .. field or ''))
end

-- document decodes s, which a script keeps at a key, or in a field of it. A script stops at one
-- that cannot be read, so it reads before it writes: what it has written stays, and whoever asked
-- asks again.
local function document(s, key, field)
  local ok, doc = pcall(cjson.decode, s)
  if not ok or type(doc) ~= 'table' then unreadable(key, field) end
  return doc
end

-- hashed is how a user is named where others have something to do with him and the name
-- itself is not needed.
local function hashed(user) return user == '' and '' or string.sub(redis.sha1hex(user), 1, 16) end

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

-- woken reports 1 if this very attempt was told to wake, and until when somebody watches or was
-- told to.
local function woken(watch)
  local until_, by = string.match(redis.call('GET', watch) or '0', '^(%d+) ?(.*)$')
  return by == attempt and 1 or 0, tonumber(until_)
end

-- wake reports 1 if something is due soon and nobody watches, and makes sure that
-- of many callers one hears it, which a repeat hears too.
local function wake(watch, due, soon)
  if due > now + soon then return 0 end
  local told, until_ = woken(watch)
  if told == 1 or until_ > now then return told end
  redis.call('SET', watch, ms(now + 5000) .. ' ' .. attempt, 'PX', 5000)
  return 1
end

-- What is handed out is hidden for a lease, also from a caller who did not hear the answer.
-- noteLease notes when the lease of what a call hands out ends, which is its score in the queue;
-- leaseNoted returns that to a repeat, and nil to a new call.
local function noteLease(key) redis.call('SET', key, ms(now + a.lease), 'PX', a.lease) end

local function leaseNoted(key) return tonumber(redis.call('GET', key) or '') end

-- dueIn returns what is due in a queue, up to most; to a repeat, to which until_ was noted, what
-- the call has got.
local function dueIn(queue, most, until_)
  if until_ then return redis.call('ZRANGEBYSCORE', queue, ms(until_), ms(until_)) end
  return redis.call('ZRANGEBYSCORE', queue, '-inf', ms(now), 'LIMIT', 0, most)
end

-- Where nothing else is kept from which a repeat could tell what the call did, its answer is, for
-- seconds: noteAnswer keeps a text, and answered returns that to a repeat, and nil to a new call.
local function noteAnswer(answers, text)
  redis.call('HSET', answers, attempt, text)
  redis.call('PEXPIRE', answers, 15000)
end

local function answered(answers) return redis.call('HGET', answers, attempt) or nil end

-- notBound counts a message to somebody who is bound to nobody.
local function notBound(counts, answers)
  if answered(answers) then return end
  noteAnswer(answers, '')
  redis.call('HINCRBY', counts, 'not bound', 1)
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
