-- How many were seen in the last seconds.
--
-- ARGV  now or '', area, seconds
local low, number = now - tonumber(ARGV[3]) + 1, 0
local count = counter(ARGV[2], low)
for second = now, low, -1 do number = number + count(second) end
return number
