-- A batch has been applied. Another flusher may have begun the next one meanwhile, which must stay.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  number of the batch
--
-- writes  batch  sorted set    unlinked, if it is still that one
if redis.call('GET', KEYS[1] .. ':seq') == ARGV[1] then
  if groups then
    groups.unlink('batch')
  end
  return redis.call('UNLINK', KEYS[1] .. ':batch')
end
return 0
