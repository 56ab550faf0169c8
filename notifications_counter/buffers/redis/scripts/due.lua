-- The keys whose intents it is time to look at.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  how many at most
--
-- reads  dirty  sorted set    key -> when to look at its intents
return redis.call('ZRANGEBYSCORE', KEYS[1] .. ':dirty', '-inf', redis.call('TIME')[1], 'LIMIT', 0, ARGV[1])
