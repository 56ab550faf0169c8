-- Note that somebody is there.
--
-- ARGV  now or '', how many seconds make somebody newly come, shard, field, name to keep or '', areas...
local window, shard, field, name = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local block, offset = split(now)

-- The place of a shard in its block, which it may get now.
local function place_of(area, key, known)
  if known then return tonumber(string.sub(known, 2)) end
  local length = redis.call('APPEND', names_key(area, block), string.format('%' .. NAME .. 's', shard))
  local place = length / NAME - 1
  redis.call('HSET', key, 'p', '#' .. place)
  local left = (block + 1) * BLOCK - now + LONGEST
  redis.call('EXPIRE', key, left)
  if place == 0 then
    redis.call('EXPIRE', names_key(area, block), left)
    redis.call('HSET', counts_key(area, block), offset, 0)
    redis.call('EXPIRE', counts_key(area, block), left)
  end
  return place
end

for index = 6, #ARGV do
  local area = ARGV[index]
  local key = shard_key(area, block, shard)
  local found = redis.call('HMGET', key, field, 'p')
  if found[1] ~= tostring(offset) then
    local old_block, old = block, tonumber(found[1] or nil)
    if not old then
      local old_key
      old_key, old_block, old = find(area, shard, field)
      if old then redis.call('HDEL', old_key, field) end
    end
    redis.call('HSET', key, field, offset)
    local place = place_of(area, key, found[2])
    local bits = bits_key(area, now)
    if redis.call('HINCRBY', counts_key(area, block), offset, 1) == 1 then
      -- As long as it will get at once: what grows is given twice the room that it needs.
      redis.call('SETBIT', bits, redis.call('STRLEN', names_key(area, block)) / NAME - 1, 0)
      redis.call('EXPIRE', bits, LONGEST)
    end
    redis.call('SETBIT', bits, place, 1)
    if old then take_back(area, old_block, old) end
    if not old and name ~= '' then redis.call('HSET', base .. ':texts', shard .. ':' .. field, name) end
    local is_new = not old or now - (old_block * BLOCK + old) >= window
    if is_new and redis.call('EXISTS', base .. ':live') == 1 then
      local news = base .. ':' .. area .. ':new:' .. now
      redis.call('RPUSH', news, shard .. ':' .. field)
      redis.call('EXPIRE', news, 60)
    end
  end
end
return now
