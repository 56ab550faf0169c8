-- Deltas may be pending here from now on; batches are counted on from where the database is.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  the number of the last batch as the database knows it
--
-- writes  seq      string        not below the database's number
--         batch    sorted set    unlinked where that number is higher: it was applied
--         pending  sorted set    the same, unless nothing was ever claimed here
local base, number = KEYS[1], tonumber(ARGV[1])
local seq = tonumber(redis.call('GET', base .. ':seq') or '-1')
if seq < number then
  redis.call('UNLINK', base .. ':batch')
  if groups then
    groups.unlink('batch')
  end
  if seq >= 0 then
    redis.call('UNLINK', base .. ':pending')
    if groups then
      groups.unlink('pending')
    end
  end
  redis.call('SET', base .. ':seq', number)
end
return 0
