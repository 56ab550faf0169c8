-- A transaction was rolled back: no delta will follow its intents.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the transaction
-- ARGV[2...]  keys
--
-- writes  intents:<key>  hash          the token is removed
--         dirty          sorted set    the key is removed with its last intent
local base, token = KEYS[1], ARGV[1]
for i = 2, #ARGV do
  local key = ARGV[i]
  local intents = base .. ':intents:' .. key
  redis.call('HDEL', intents, token)
  if redis.call('EXISTS', intents) == 0 then
    redis.call('ZREM', base .. ':dirty', key)
  end
end
return 0
