-- Forget that somebody is there.
--
-- ARGV  now or '', shard, field, areas...
for index = 4, #ARGV do
  local area = ARGV[index]
  local key, block, offset = find(area, ARGV[2], ARGV[3])
  if key then
    redis.call('HDEL', key, ARGV[3])
    take_back(area, block, offset)
  end
end
redis.call('HDEL', base .. ':texts', ARGV[2] .. ':' .. ARGV[3])
return now
