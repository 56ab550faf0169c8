-- What is cached of a group; where that is nothing, what is buffered of its keys, at one moment.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  the group
-- ARGV[2]  '1' if what is cached will do
--
-- reads  group:<group>  hash    rest -> value
--
-- Returns 1 and the rests and values of what is cached, in turn; or 0, seq, version, 1 if there is a batch, and as
-- groups.held tells each key.
local base = KEYS[1]
if ARGV[2] == '1' then
  redis.call('SET', base .. ':probe', '', 'XX') -- changes nothing, and fails while what is cached may be stale
  local cached = redis.call('HGETALL', base .. ':group:' .. ARGV[1])
  if #cached > 0 then
    return {1, cached}
  end
end
local seq, version = redis.call('GET', base .. ':seq') or '0', redis.call('GET', base .. ':version') or '0'
return {0, seq, version, redis.call('EXISTS', base .. ':batch'), groups.held(ARGV[1])}
