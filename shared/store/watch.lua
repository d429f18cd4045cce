-- watch: which shards have something due, and whether a run of deliver looks at them.
-- KEYS  1 the watch: until when, ms; a space; whose word it is
--       2 shards by when the first of theirs is due, ms, or earlier than that; "all" by when all are
--         to be looked at, should one of the others have been lost
--       3 of a look: what it was told
-- ARGV  the time in ms, or "" for the server's, which costs a command; a word; what to do; for how long a run watches, ms;
--       then shards, each with a time when something of theirs is due; but of look how often all are
--       looked at, ms, and of rest until when
--       note   that
--       wake   likewise: is nobody looking, so that whoever asks has to wake a run? Of many one is told so
--       look   a run looks: it is told which shards are due, which are in its hands then, and whether
--              another run watches: then it does not. Runs have words that begin with "run "
--       rest   a run wants to end: when is the next due, if that is before a time? If none is, it watches
--              no longer
-- reply of wake 1 or 0; of look the time, ms, "1" if another run watches, else "", when the next shard is
--       due, ms, or "", and the shards; of rest the time, ms, or ""
-- Repeat: the watch has the word, or has lost it; what a look was told is kept.
local now, word = tonumber(ARGV[1]), ARGV[2]
if not now and ARGV[3] ~= 'note' then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local function ms(t) return string.format('%.0f', t) end
local function watch() redis.call('SET', KEYS[1], ms(now + ARGV[4]) .. ' ' .. word, 'PX', ARGV[4]) end
local function watcher()
  local until_, who = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.*)$')
  return until_ and tonumber(until_) > now and who or nil
end
if ARGV[3] == 'look' then
  local who = watcher()
  local other = who and who ~= word and string.sub(who, 1, 4) == 'run ' and '1' or ''
  if other == '' then watch() end
  local told, due, all, next = redis.call('GET', KEYS[3]), {}, nil, nil
  local list = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES') -- one of each shard at most
  for i = 1, #list, 2 do
    local at = tonumber(list[i + 1])
    if list[i] == 'all' then all = at end
    if at <= now then due[#due + 1] = list[i]
    elseif list[i] ~= 'all' and not next then next = ms(at) end
  end
  if not all or all > now + ARGV[5] then due = {'all'} end -- new, or the clock was set back
  if told then due = cjson.decode(told)
  elseif #due > 0 then
    redis.call('ZREM', KEYS[2], unpack(due))
    redis.call('SET', KEYS[3], cjson.encode(due), 'PX', ARGV[4])
  end
  return {ms(now), other, next or '', unpack(due)}
elseif ARGV[3] == 'rest' then
  local first = redis.call('ZRANGE', KEYS[2], 0, 1, 'WITHSCORES')
  local at = first[2]
  if first[1] == 'all' then at = first[4] end
  if at and tonumber(at) < tonumber(ARGV[5]) then return ms(tonumber(at)) end
  if watcher() == word then redis.call('DEL', KEYS[1]) end
  return ''
end
for i = 5, #ARGV, 2 do
  redis.call('ZADD', KEYS[2], 'LT', ARGV[i + 1], ARGV[i])
end
if ARGV[3] == 'note' then return 0 end
local who = watcher()
if who then return who == word and 1 or 0 end
watch()
return 1
