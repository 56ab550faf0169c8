-- In a transaction, before it commits: note that deltas of these keys will follow.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the transaction
-- ARGV[2]     grace time in seconds
-- ARGV[3...]  keys
--
-- writes  intents:<key>  hash          token -> when it was left
--         dirty          sorted set    key -> when to look at its intents: no later for what older ones wait for
--         guard:<key>    string        deleted: a recount under way must look again
-- reads   frozen:<key>   string        a busy key is being healed: its deltas must wait in the database
--
-- Returns the keys that are frozen; for those nothing was noted.
local base, token, grace = KEYS[1], ARGV[1], tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local frozen = {}
for i = 3, #ARGV do
  local key = ARGV[i]
  if redis.call('EXISTS', base .. ':frozen:' .. key) == 1 then
    frozen[#frozen + 1] = key
  else
    redis.call('HSET', base .. ':intents:' .. key, token, now)
    redis.call('ZADD', base .. ':dirty', 'LT', now + grace, key)
    redis.call('DEL', base .. ':guard:' .. key)
  end
end
return frozen
