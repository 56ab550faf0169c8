-- Count events, which have no rows to be recounted: once for each token, however often this is sent in a minute.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the call
-- ARGV[2...]  key, delta, key, delta ...: each key once, and no delta of zero
--
-- writes  added:<token>  string    remembers the call for a minute
local keys, deltas = {}, {}
if not redis.call('SET', KEYS[1] .. ':added:' .. ARGV[1], 1, 'NX', 'EX', 60) then
  return 0
end
for i = 2, #ARGV, 2 do
  keys[i / 2], deltas[i / 2] = ARGV[i], ARGV[i + 1]
end
count(keys, deltas)
return 1
