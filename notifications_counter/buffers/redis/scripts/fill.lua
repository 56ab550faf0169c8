-- Cache values that a reader has worked out, if nothing has moved since its snapshot.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     seconds until a cached value expires
-- ARGV[2]     seq of the snapshot
-- ARGV[3]     version of the snapshot
-- ARGV[4...]  key, pending, score in the batch, rank there, value; key, pending ...
--
-- writes  total:<key>   string, expires    the value
-- reads   frozen:<key>   string           its deltas are pending in the database, where no script sees them
--         intents        hash             a recount of it was requested
local base = KEYS[1]
redis.call('SET', base .. ':probe', '', 'XX') -- changes nothing, and says whether the server takes writes
if (redis.call('GET', base .. ':seq') or '0') ~= ARGV[2] then
  return 0
end
if (redis.call('GET', base .. ':version') or '0') ~= ARGV[3] then
  return 0
end
local cached = 0
for i = 4, #ARGV, 5 do
  local key = ARGV[i]
  local same = (redis.call('ZSCORE', base .. ':pending', key) or '') == ARGV[i + 1]
    and (redis.call('ZSCORE', base .. ':batch', key) or '') == ARGV[i + 2]
    and tostring(redis.call('ZRANK', base .. ':batch', key) or '') == ARGV[i + 3]
    and redis.call('EXISTS', base .. ':frozen:' .. key) == 0
    and not is_asked(key)
  if same then
    redis.call('SET', base .. ':total:' .. key, ARGV[i + 4], 'EX', ARGV[1])
    cached = cached + 1
  end
end
return cached
