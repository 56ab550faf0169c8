-- Stands before the scripts that count the deltas of writers: all keys at once, wherever one call can do it.
--
-- writes  pending      sorted set    key -> summed delta; a sum of zero is removed
--         total:<key>  string        the cached value, if there is one
--
-- Takes keys, each of them once, and their deltas, which are not zero. Returns the sums, as doubles. Nothing may fail
-- behind the first write, by which they are counted.
local function count(keys, deltas)
  local base, totals, sums = KEYS[1], {}, {}
  local pending, added, gone = base .. ':pending', {}, {}
  for place, key in ipairs(keys) do
    totals[place] = base .. ':total:' .. key
  end
  local cached = redis.call('MGET', unpack(totals))
  if #keys == 1 then
    sums[1] = tonumber(redis.call('ZINCRBY', pending, deltas[1], keys[1]))
  else
    for place, before in ipairs(redis.call('ZMSCORE', pending, unpack(keys))) do
      sums[place] = before and before + deltas[place] or tonumber(deltas[place])
      added[2 * place - 1], added[2 * place] = before and sums[place] or deltas[place], keys[place]
    end
    redis.call('ZADD', pending, unpack(added))
  end
  for place, sum in ipairs(sums) do
    if sum == 0 then
      gone[#gone + 1] = keys[place]
    end
  end
  if #gone > 0 then
    redis.pcall('ZREM', pending, unpack(gone))
  end
  if groups then
    groups.add(keys, deltas, sums)
  end
  for place, total in ipairs(cached) do
    if total and type(redis.pcall('INCRBY', totals[place], deltas[place])) == 'table' then
      redis.pcall('DEL', totals[place]) -- it was no number
    end
  end
  return sums
end
