-- After the commit: count the deltas of a transaction, each once however often this is sent.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     token of the transaction
-- ARGV[2...]  key, delta, key, delta ...: each key once; the delta '?' cannot be determined and requests a recount, as
--             does a sum beyond 2^53
--
-- writes  intents      hash          an open token is the right to add, once, and is removed
--         total:<key>  string        deleted where a recount is requested: until then the value is not known
--         guards       hash          key deleted: a recount under way must look again
--         dirty        sorted set    removed with the last intent; a key without an open token is to be recounted
local base, token = KEYS[1], ARGV[1]
local intents, dirty = base .. ':intents', base .. ':dirty'
local all, keys, deltas, asked = {}, {}, {}, {}
local spent, shared = {}, {} -- of which it was the only intent; of which there are others, and these

for i = 2, #ARGV, 2 do
  all[i / 2] = ARGV[i]
end
redis.call('HDEL', base .. ':guards', unpack(all))
local alone
for place, held in ipairs(redis.call('HMGET', intents, unpack(all))) do
  local key, delta = all[place], ARGV[2 * place + 1]
  local rest, left = '', true
  if not held or held ~= alone then -- most hold the very same
    rest, left = take(held or '', token)
    left = left and tonumber(left)
    alone = rest == '' and left and held or alone
  end
  if rest == '' then
    spent[#spent + 1] = key
  else
    shared[#shared + 1], shared[#shared + 2] = key, rest
  end
  if delta == '?' or not left then
    asked[#asked + 1] = key
  elseif delta ~= '0' then
    keys[#keys + 1], deltas[#deltas + 1] = key, delta
  end
end

-- The right to add goes first: if something were refused behind it, the same push would request recounts.
if #spent > 0 then
  redis.call('HDEL', intents, unpack(spent))
end
if #shared > 0 then
  redis.call('HSET', intents, unpack(shared))
end
if #keys > 0 then
  for place, sum in ipairs(count(keys, deltas)) do
    local is_exact = math.abs(sum) < 2 ^ 53 and math.abs(tonumber(deltas[place])) < 2 ^ 53
    if not is_exact then
      asked[#asked + 1] = keys[place]
    end
  end
end
if #spent > 0 then
  redis.call('ZREM', dirty, unpack(spent))
end

local now = #asked > 0 and redis.call('TIME')[1]
for _, key in ipairs(asked) do
  local rest = take(redis.call('HGET', intents, key) or '', 'recount')
  redis.call('HSET', intents, key, rest .. ';recount=' .. now)
  redis.call('ZADD', dirty, now, key)
  redis.call('DEL', base .. ':total:' .. key)
  if groups then
    groups.ask(key)
  end
end
return 0
