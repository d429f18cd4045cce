-- Shared by every script, as all files of this folder are: a script is they, in the order of
-- their names, and its own.
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
