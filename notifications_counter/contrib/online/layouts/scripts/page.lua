-- Who was seen last, newest first. A set bit leads to a shard that has some of a second, or had; then it is taken back.
-- After so many shards it ends, however few it has found: nobody waits for it long.
--
-- ARGV  now or '', area, seconds, how many; where to go on: second or '', place, how many of that shard to pass over;
--       the oldest second or ''
-- Returns now, where to go on ('' at the end), then shard, field, second and name, if Redis has it, of each.
local MOST_SHARDS = 60
local area, limit = ARGV[2], tonumber(ARGV[4])
local high = ARGV[5] ~= '' and tonumber(ARGV[5]) or now
local place, pass_over = tonumber(ARGV[6]), tonumber(ARGV[7])
local low = ARGV[8] ~= '' and tonumber(ARGV[8]) or now - tonumber(ARGV[3]) + 1
low = math.max(low, now - LONGEST + 1)
local count = counter(area, low)
local found, texts, place_of_text, following, shards = {}, {}, {}, '', 0

-- How many of a second a shard has.
local function read_shard(second, block, offset)
  shards = shards + 1
  local start = place * NAME
  local shard = string.match(redis.call('GETRANGE', names_key(area, block), start, start + NAME - 1), '%S+')
  if not shard then return 0 end
  local all, wanted, matched = redis.call('HGETALL', shard_key(area, block, shard)), tostring(offset), 0
  for index = 1, #all, 2 do
    if all[index + 1] == wanted then
      matched = matched + 1
      if matched > pass_over then
        if #found / 4 == limit then
          following = second .. '.' .. place .. '.' .. (matched - 1)
          return matched
        end
        for _, value in ipairs({shard, all[index], second, ''}) do found[#found + 1] = value end
        if string.sub(shard, 1, 1) == 't' then
          texts[#texts + 1], place_of_text[#texts + 1] = shard .. ':' .. all[index], #found
        end
      end
    end
  end
  if matched == 0 then redis.call('SETBIT', bits_key(area, second), place, 0) end
  return matched
end

local function read_second(second)
  local left = place == 0 and pass_over == 0 and count(second) or math.huge
  local bits = redis.call('GET', bits_key(area, second)) or ''
  local block, offset = split(second)
  local byte = math.floor(place / 8) + 1
  while following == '' and left > 0 do
    byte = string.find(bits, '[^%z]', byte)
    if not byte then break end
    local value = string.byte(bits, byte)
    for bit_number = 0, 7 do
      local each = (byte - 1) * 8 + bit_number
      if each >= place and following == '' and left > 0 and bit.band(value, bit.lshift(1, 7 - bit_number)) ~= 0 then
        place = each
        if shards == MOST_SHARDS then
          following = second .. '.' .. place .. '.' .. pass_over
        else
          left = left - read_shard(second, block, offset)
        end
        pass_over = 0
      end
    end
    byte = byte + 1
  end
  place, pass_over = 0, 0
end

for second = high, low, -1 do
  if count(second) > 0 then read_second(second) end
  if following ~= '' then break end
  place, pass_over = 0, 0
end
if #texts > 0 then
  for index, name in ipairs(redis.call('HMGET', base .. ':texts', unpack(texts))) do
    if name then found[place_of_text[index]] = name end
  end
end
return {now, following, unpack(found)}
