-- The keys whose intents are due to be examined.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  how many at most
--
-- reads  dirty  sorted set    key -> when to examine its intents
return redis.call('ZRANGEBYSCORE', KEYS[1] .. ':dirty', '-inf', redis.call('TIME')[1], 'LIMIT', 0, ARGV[1])
