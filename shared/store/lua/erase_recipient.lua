-- erase_recipient: forget a user, if his cards went to this openid.
-- KEYS  1 recipient  2 waiting  3 queue  4 calls waiting  5 calls' queue  6 counts
--       7 who has dead letters  8 to 11 marks, 12 to 15 index, of the last days
--       16.. all else that is his: ring log, timeline, reads, dead letters, name
-- a     user, openid, id (how much of a mark is a field of the index)
-- reply 0
-- Repeat: nothing is left to count or to forget. A user who has logged in as another openid
--   since is not touched.
local openid = redis.call('HGET', KEYS[1], 'o')
if openid and openid ~= a.openid then return 0 end
for lane = 2, 4, 2 do
  local readable, doc = pcall(load, KEYS[lane], a.user)
  doc = readable and doc or nil
  if doc then count(KEYS[6], 'erased', #doc.n) end
  redis.call('HDEL', KEYS[lane], a.user)
  redis.call('ZREM', KEYS[lane + 1], a.user)
end
redis.call('ZREM', KEYS[7], a.user)

-- forgetIn takes the user out of the index.
local function forgetIn(index, field)
  local users = redis.call('HGET', index, field)
  if not users then return end
  local rest = {}
  for user in string.gmatch(users, '[^\n]+') do
    if user ~= a.user then rest[#rest + 1] = user end
  end
  if #rest > 0 then
    redis.call('HSET', index, field, table.concat(rest, '\n'))
  else
    redis.call('HDEL', index, field)
  end
end
local fields = {}
for i = 8, 11 do
  for _, mark in ipairs(redis.call('HKEYS', KEYS[i])) do fields[#fields + 1] = string.sub(mark, 1, a.id) end
  redis.call('DEL', KEYS[i])
end
for i = 12, 15 do
  for _, field in ipairs(fields) do forgetIn(KEYS[i], field) end
end
redis.call('DEL', KEYS[1])
for i = 16, #KEYS do redis.call('DEL', KEYS[i]) end
return 0
