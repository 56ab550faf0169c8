-- Cached values, which are worth nothing while the server takes no writes.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1...]  the names of the Redis keys that hold them
redis.call('SET', KEYS[1] .. ':probe', '', 'XX') -- changes nothing
return redis.call('MGET', unpack(ARGV))
