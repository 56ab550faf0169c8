-- Deltas of these keys are about to be pending in the database: no value of them may be cached for a while.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     seconds
-- ARGV[2...]  keys
--
-- writes  frozen:<key>  string, expires    keeps readers from caching, and sends other deltas to the database too
--         total:<key>   string             deleted
--         version       string             counts up, so that no reader caches what it worked out before
local base = KEYS[1]
for i = 2, #ARGV do
  redis.call('SET', base .. ':frozen:' .. ARGV[i], 1, 'EX', ARGV[1])
  redis.call('DEL', base .. ':total:' .. ARGV[i])
  if groups then
    groups.freeze(ARGV[i], ARGV[1])
  end
end
return redis.call('INCR', base .. ':version')
