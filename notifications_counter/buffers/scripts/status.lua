-- What waits in a shard.
--
-- KEYS[1]  base of the shard's keys
--
-- Returns how many keys are pending, in the batch, and dirty.
local base = KEYS[1]
return {
  redis.call('ZCARD', base .. ':pending'),
  redis.call('ZCARD', base .. ':batch'),
  redis.call('ZCARD', base .. ':dirty'),
}
