-- In a transaction, before it commits: note that deltas of these keys will follow.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the transaction
-- ARGV[2]     grace time in seconds; behind a colon the digest of the declaration by which the deltas were counted
-- ARGV[3...]  keys
--
-- writes  intents       hash          token of each key, and when it was left
--         dirty         sorted set    key -> when to examine its intents: no later than older ones say
--         guards        hash          key deleted: a recount under way must look again
-- reads   frozen:<key>  string        a busy key is being recounted: its deltas must go to the database
--         declaration   string        the digest by which the counts are made: deltas of another one must go there too
--
-- Returns the keys whose deltas must; for those nothing was noted.
local base, token = KEYS[1], ARGV[1]
local seconds, counted_by = string.match(ARGV[2], '^(%d+):?(.*)$')
local now = redis.call('TIME')[1]
local look_at = string.format('%.0f', now + seconds)
local names, keys, frozen = {}, {}, {}
local declared = redis.call('GET', base .. ':declaration')
local is_foreign = declared and counted_by ~= '' and declared ~= counted_by
for i = 3, #ARGV do
  names[i - 2] = base .. ':frozen:' .. ARGV[i]
end
for i, is_frozen in ipairs(redis.call('MGET', unpack(names))) do
  local list = is_foreign and frozen or is_frozen and frozen or keys
  list[#list + 1] = ARGV[i + 2]
end
if #keys == 0 then
  return frozen
end

local dirty, intents, mine = {}, base .. ':intents', ';' .. token .. '=' .. now
for i, key in ipairs(keys) do
  dirty[2 * i - 1], dirty[2 * i] = look_at, key
end
redis.call('ZADD', base .. ':dirty', 'LT', unpack(dirty))
redis.call('HDEL', base .. ':guards', unpack(keys))
if #keys == 1 and redis.call('HSETNX', intents, keys[1], mine) == 1 then -- as most often
  return frozen
end
local noted = {}
for i, held in ipairs(redis.call('HMGET', intents, unpack(keys))) do
  noted[2 * i - 1], noted[2 * i] = keys[i], held and take(held, token) .. mine or mine
end
redis.call('HSET', intents, unpack(noted))
return frozen
