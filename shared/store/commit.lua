-- commit: write what a change has decided, if its record is still the one that it has read.
-- KEYS  1.. hashes with a version: the record, and what guards it; then those of the writes
-- ARGV  the next version of the record; how many versions were read, and those; then each write, as
--       in look
-- reply 1 if it is written; 0 if the record is another one by now
-- Repeat: the record has this very version.
local version = redis.call('HGET', KEYS[1], 'v')
if version == ARGV[1] then return 1 end
local i = 3 + tonumber(ARGV[2])
for k = 3, i - 1 do
  if k > 3 then version = redis.call('HGET', KEYS[k - 2], 'v') end
  if (version or '') ~= ARGV[k] then return 0 end
end
while i <= #ARGV do
  local n = tonumber(ARGV[i + 2])
  local reply = redis.pcall(ARGV[i], KEYS[tonumber(ARGV[i + 1])], unpack(ARGV, i + 3, i + 2 + n))
  -- A count that is no number stays, and stops nothing: people see it there.
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'not an integer', 1, true) then return reply end
  if reply == 0 and ARGV[i] == 'HINCRBY' then redis.call('HDEL', KEYS[tonumber(ARGV[i + 1])], ARGV[i + 3]) end -- a count of nothing
  i = i + 3 + n
end
return 1
