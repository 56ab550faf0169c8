-- What all scripts of this folder begin with. A block is 4,096 seconds, so that a second within it takes two bytes; its
-- keys run out by themselves an hour after its end, and nobody can ask for more than that. BASE is KEYS[1]:
--
-- BASE:AREA:BLOCK:s:SHARD  hash: field of a user -> second of the last report; 'p' -> '#' and the shard's place
-- BASE:AREA:BLOCK:n        the names of the shards by place, 16 bytes each
-- BASE:AREA:BLOCK:c        hash: second -> how many reported last in it
-- BASE:AREA:at:SECOND      bit by place: whether the shard may have somebody who reported last in that second
-- BASE:AREA:new:SECOND     who came in that second; kept only while BASE:live says that somebody listens
-- BASE:texts               hash: shard:field -> name, until a flush has written it to the database
--
-- A user is in one block at most.
local BLOCK, LONGEST, NAME = 4096, 3700, 16
local base = KEYS[1]
local now = ARGV[1] ~= '' and tonumber(ARGV[1]) or tonumber(redis.call('TIME')[1])

local function split(second)
  local block = math.floor(second / BLOCK)
  return block, second - block * BLOCK
end

local function shard_key(area, block, shard)
  return base .. ':' .. area .. ':' .. block .. ':s:' .. shard
end

local function bits_key(area, second)
  return base .. ':' .. area .. ':at:' .. second
end

local function counts_key(area, block)
  return base .. ':' .. area .. ':' .. block .. ':c'
end

local function names_key(area, block)
  return base .. ':' .. area .. ':' .. block .. ':n'
end

-- Take away that somebody was seen in a second. The bit of the shard stays: who reads the second takes it back.
local function take_back(area, block, offset)
  if redis.call('HINCRBY', counts_key(area, block), offset, -1) <= 0 then
    redis.call('HSET', counts_key(area, block), offset, 0)
    redis.call('DEL', bits_key(area, block * BLOCK + offset))
  end
end

-- Where and when somebody was seen last: key, block, second in it.
local function find(area, shard, field)
  local block = split(now)
  for each = block, block - 1, -1 do
    local key = shard_key(area, each, shard)
    local found = redis.call('HGET', key, field)
    if found then return key, each, tonumber(found) end
  end
end

-- How many reported last in each of some seconds, newest first: a function from the second to the number.
local function counter(area, low)
  local part, top, bottom, block_of_part = {}, nil, nil, nil
  return function(second)
    if not top or second < bottom then
      local block, offset = split(second)
      local least = math.max(0, offset - 255, low - block * BLOCK)
      local fields = {}
      for each = offset, least, -1 do fields[#fields + 1] = each end
      part, top, bottom = redis.call('HMGET', counts_key(area, block), unpack(fields)), second, block * BLOCK + least
    end
    return tonumber(part[top - second + 1] or 0) or 0
  end
end
