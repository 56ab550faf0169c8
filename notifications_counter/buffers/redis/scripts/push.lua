-- After the commit: count the deltas of a transaction, each once however often this is sent.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the transaction
-- ARGV[2...]  key, delta, key, delta ...; the delta '?' cannot be determined and requests a recount, as does a sum beyond 2^53
--
-- writes  intents:<key>  hash          an open token is the right to add, once, and is removed
--         pending        sorted set    key -> summed delta; a sum of zero is removed
--         total:<key>    string        the cached value, if there is one
--         guard:<key>    string        deleted: a recount under way must look again
--         dirty          sorted set    removed with the last intent; a key without an open token is to be recounted
local base, token = KEYS[1], ARGV[1]
local pending, dirty = base .. ':pending', base .. ':dirty'

local function request_recount(key, intents)
  local now = tonumber(redis.call('TIME')[1])
  redis.call('HDEL', intents, token)
  redis.call('HSET', intents, 'recount', now)
  redis.call('ZADD', dirty, now, key)
  redis.call('DEL', base .. ':total:' .. key) -- until then the value is not known
  if groups then
    groups.ask(key)
  end
end

-- Returns whether the sum, a double, is exact.
local function add(key, delta, total)
  if delta == '0' then
    return true
  end
  local sum = tonumber(redis.call('ZINCRBY', pending, delta, key))
  if sum == 0 then
    redis.call('ZREM', pending, key)
  end
  if groups then
    groups.add(key, delta, sum)
  end
  if total and type(redis.pcall('INCRBY', total, delta)) == 'table' then
    redis.call('DEL', total) -- it was no number
  end
  return math.abs(sum) < 2 ^ 53 and math.abs(tonumber(delta)) < 2 ^ 53
end

-- All keys at once, wherever one call can do it.
local keys, totals, guards = {}, {}, {}
for i = 2, #ARGV, 2 do
  local key, place = ARGV[i], #keys + 1
  keys[place], totals[place], guards[place] = key, base .. ':total:' .. key, base .. ':guard:' .. key
end
redis.call('DEL', unpack(guards))
local cached = redis.call('MGET', unpack(totals))
local spent, counted = {}, {}
for place, key in ipairs(keys) do
  local delta, intents = ARGV[2 * place + 1], base .. ':intents:' .. key
  local left = redis.call('HGET', intents, token)
  if delta ~= '?' and left and tonumber(left) then
    redis.call('HDEL', intents, token)
    if add(key, delta, cached[place] and totals[place]) then
      spent[#spent + 1], counted[#counted + 1] = intents, key
    else
      request_recount(key, intents)
    end
  else
    request_recount(key, intents)
  end
end
if #spent > 0 and redis.call('EXISTS', unpack(spent)) == 0 then
  redis.call('ZREM', dirty, unpack(counted))
else
  for place, intents in ipairs(spent) do
    if redis.call('EXISTS', intents) == 0 then
      redis.call('ZREM', dirty, counted[place])
    end
  end
end
return 0
