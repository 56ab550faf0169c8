-- Who was seen last, newest first. Each set bit stands for one of them at least, so that few shards are read.
--
-- ARGV  now or '', area, seconds, how many; where to go on: second or '', place, how many of that shard to pass over;
--       the oldest second or ''
-- Returns now, where to go on ('' at the end), then shard, field, second and name, if Redis has it, of each.
local area, limit = ARGV[2], tonumber(ARGV[4])
local high = ARGV[5] ~= '' and tonumber(ARGV[5]) or now
local place, pass_over = tonumber(ARGV[6]), tonumber(ARGV[7])
local low = ARGV[8] ~= '' and tonumber(ARGV[8]) or now - tonumber(ARGV[3]) + 1
low = math.max(low, now - LONGEST + 1)
local count = counter(area, low)
local found, texts, place_of_text, following = {}, {}, {}, ''

local function read_shard(second, block, offset)
  local start = place * NAME
  local shard = string.match(redis.call('GETRANGE', names_key(area, block), start, start + NAME - 1), '%S+')
  if not shard then return end
  local all, wanted, matched = redis.call('HGETALL', shard_key(area, block, shard)), tostring(offset), 0
  for index = 1, #all, 2 do
    if all[index + 1] == wanted then
      matched = matched + 1
      if matched > pass_over then
        if #found / 4 == limit then
          following = second .. '.' .. place .. '.' .. (matched - 1)
          return
        end
        for _, value in ipairs({shard, all[index], second, ''}) do found[#found + 1] = value end
        if string.sub(shard, 1, 1) == 't' then
          texts[#texts + 1], place_of_text[#texts + 1] = shard .. ':' .. all[index], #found
        end
      end
    end
  end
end

local function read_second(second)
  local bits = redis.call('GET', bits_key(area, second)) or ''
  local block, offset = split(second)
  local byte = math.floor(place / 8) + 1
  while following == '' do
    byte = string.find(bits, '[^%z]', byte)
    if not byte then break end
    local value = string.byte(bits, byte)
    for bit_number = 0, 7 do
      local each = (byte - 1) * 8 + bit_number
      if each >= place and following == '' and bit.band(value, bit.lshift(1, 7 - bit_number)) ~= 0 then
        place = each
        read_shard(second, block, offset)
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
