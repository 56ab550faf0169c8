-- Who came in some seconds, and how many were seen last in the seconds that are over with them; somebody listens.
--
-- ARGV  now or '', area, first second or '', last second or '', seconds after which somebody has gone, at most so many
local last = ARGV[4] ~= '' and tonumber(ARGV[4]) or now - 1
local first = ARGV[3] ~= '' and tonumber(ARGV[3]) or last
local found = {now}
redis.call('SET', base .. ':live', '1', 'EX', 30)
for second = first, last do
  local block, offset = split(second - tonumber(ARGV[5]))
  local news = redis.call('LRANGE', base .. ':' .. ARGV[2] .. ':new:' .. second, 0, tonumber(ARGV[6]) - 1)
  local texts = {}
  if #news > 0 then texts = redis.call('HMGET', base .. ':texts', unpack(news)) end
  local came = {}
  for index, member in ipairs(news) do
    came[#came + 1] = member
    came[#came + 1] = texts[index] or ''
  end
  found[#found + 1] = {second, tonumber(redis.call('HGET', counts_key(ARGV[2], block), offset) or 0), came}
end
return found
