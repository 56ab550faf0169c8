-- When some were seen last: now, and a second of each, 0 for never.
--
-- ARGV  now or '', area, then shard and field of each
local found = {now}
for index = 3, #ARGV, 2 do
  local key, block, offset = find(ARGV[2], ARGV[index], ARGV[index + 1])
  found[#found + 1] = key and block * BLOCK + offset or 0
end
return found
