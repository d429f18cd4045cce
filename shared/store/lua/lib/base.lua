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

-- fits reports whether v is of the type that shape names, or a table whose fields are of the types
-- that it names; a field may be missing if that ends in "?". allFit asks that of all elements of t.
local MAYBE = {['number?'] = 'number', ['string?'] = 'string', ['table?'] = 'table'}

local function fits(v, shape)
  if type(shape) == 'string' then return type(v) == shape end
  if type(v) ~= 'table' then return false end
  for field, kind in pairs(shape) do
    local is, maybe = type(v[field]), MAYBE[kind]
    if is ~= (maybe or kind) and not (maybe and is == 'nil') then return false end
  end
  return true
end

local function allFit(t, shape)
  for _, v in pairs(t or {}) do
    if not fits(v, shape) then return false end
  end
  return true
end

-- document decodes s, which a script keeps at a key, or in a field of it. A script stops at one
-- that cannot be read, or is of another shape: everything that scripts calculate with is checked
-- here. So it reads before it writes: what it has written stays, and whoever asked asks again.
local function document(s, key, field, shape)
  local ok, doc = pcall(cjson.decode, s)
  if not ok or not fits(doc, shape) then unreadable(key, field) end
  return doc
end

-- numberIn returns the number that a key holds; otherwise, or nil, if it holds none.
local function numberIn(s, otherwise) return tonumber(s or '') or otherwise end

-- hashed is how a user is named where others have something to do with him and the name
-- itself is not needed.
local function hashed(user) return user == '' and '' or string.sub(redis.sha1hex(user), 1, 16) end

-- note appends a step, given as JSON, to a timeline: the last 100, for 7 days.
local function note(key, step)
  redis.call('LPUSH', key, step)
  redis.call('LTRIM', key, 0, 99)
  redis.call('PEXPIRE', key, 7 * DAY)
end

-- count adds n to what is counted in a state. One that is no number stays, and stops nothing: the
-- counts are for people, who see it there.
local function count(counts, state, n)
  local reply = redis.pcall('HINCRBY', counts, state, n)
  if type(reply) == 'table' and not string.find(reply.err, 'not an integer', 1, true) then redis.call('HINCRBY', counts, state, n) end
end

-- final notes and counts that messages ended.
local function final(timeline, counts, state, reason, messages, detail, card)
  if #messages == 0 then return end
  count(counts, state, #messages)
  local step = {t = now, k = 'final', m = messages, s = state, d = detail, c = card}
  if reason ~= '' then step.r = reason end
  note(timeline, cjson.encode(step))
end

-- woken reports 1 if this very attempt was told to wake, and until when somebody watches or was
-- told to.
local function woken(watch)
  local until_, by = string.match(redis.call('GET', watch) or '0', '^(%d+) ?(.*)$')
  return by == attempt and 1 or 0, numberIn(until_, 0)
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
  count(counts, 'not bound', 1)
end

-- forget deletes from a hash that has more than most fields those that old says of by
-- their value. What cannot be read stays.
local function forget(key, most, old)
  if redis.call('HLEN', key) <= most then return end
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local readable, is = pcall(old, all[i + 1])
    if readable and is then redis.call('HDEL', key, all[i]) end
  end
end
