-- Count events, which have no rows to be recounted: once for each token, however often this is sent in a minute.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the call
-- ARGV[2...]  key, delta, key, delta ...
--
-- writes  added:<token>  string        remembers the call for a minute
--         pending        sorted set    key -> summed delta; a sum of zero is removed
--         total:<key>    string        the cached value, if there is one
local base = KEYS[1]
local pending = base .. ':pending'
if not redis.call('SET', base .. ':added:' .. ARGV[1], 1, 'NX', 'EX', 60) then
  return 0
end
-- Nothing may fail from the first key on: what is refused in the middle would be counted in the database once more.
for i = 2, #ARGV, 2 do
  local key, delta = ARGV[i], ARGV[i + 1]
  local total = base .. ':total:' .. key
  local is_cached = redis.call('EXISTS', total) == 1
  local sum = tonumber(redis.call('ZINCRBY', pending, delta, key))
  if sum == 0 then
    redis.pcall('ZREM', pending, key)
  end
  if groups then
    groups.add(key, delta, sum)
  end
  if is_cached and type(redis.pcall('INCRBY', total, delta)) == 'table' then
    redis.pcall('DEL', total)
  end
end
return 1
