-- forget_sender: take a user's name out of what others of this shard were sent, and keep it
-- out for a day.
-- KEYS  1 waiting  2 calls waiting  3 spreads  4 erased users  5 who has dead letters
--       6.. dead letters, of all who have some
-- a     user, letters (whose dead letters are in KEYS)
-- reply 1, or 0 if somebody else has dead letters: ask again
-- Repeat: the name is gone, and the mark is written again.
redis.call('HSET', KEYS[4], hashed(a.user), ms(now + DAY))
redis.call('PEXPIRE', KEYS[4], DAY)
forget(KEYS[4], 64, function(until_) return tonumber(until_) <= now end)

-- rewrite writes back those documents of a hash that change has changed. Only documents in
-- which named is are read, if it is given. What cannot be read stays, for whoever can.
local function rewrite(key, named, change)
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if not named or string.find(all[i + 1], named, 1, true) then
      local doc
      local readable, changed = pcall(function()
        doc = cjson.decode(all[i + 1])
        return change(doc)
      end)
      if readable and changed then redis.call('HSET', key, all[i], cjson.encode(doc)) end
    end
  end
end

local function rewriteNotices(key)
  rewrite(key, cjson.encode(a.user), function(doc)
    local found = false
    for _, n in ipairs(doc.n or {}) do
      if n.p == a.user then
        unnamed(n)
        found = true
      end
    end
    return found
  end)
end

rewriteNotices(KEYS[1])
rewriteNotices(KEYS[2])
rewrite(KEYS[3], nil, function(doc)
  local message = unnamedInGroup(doc.m, function(user) return user == a.user end)
  doc.m = message or doc.m
  return message
end)
local known = {}
for i, user in ipairs(a.letters) do
  known[user] = true
  rewriteNotices(KEYS[5 + i])
end
for _, user in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  if not known[user] then return 0 end
end
return 1
