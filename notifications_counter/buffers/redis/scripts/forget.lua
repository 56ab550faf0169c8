-- Deltas that waited in the database are about to be applied: no cached value includes them.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1...]  keys
--
-- writes  total:<key>  string    deleted
--         version      string    counts up, so that no reader caches what it worked out before
local base = KEYS[1]
for i = 1, #ARGV do
  redis.call('DEL', base .. ':total:' .. ARGV[i])
  if groups then
    groups.forget(ARGV[i])
  end
end
return redis.call('INCR', base .. ':version')
