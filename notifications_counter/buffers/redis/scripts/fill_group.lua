-- Cache the values of a whole group that a reader has worked out, if nothing of it has moved since its snapshot.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     seconds until they expire
-- ARGV[2]     seq of the snapshot
-- ARGV[3]     version of the snapshot
-- ARGV[4]     the group
-- ARGV[5]     of how many keys the snapshot told
-- ARGV[6...]  for each of these: key, pending, score in the batch, rank there; then rest, value, rest, value ...
--
-- writes  group:<group>         hash, expires    the values
-- reads   frozen_group:<group>  string           deltas of a key wait in the database, where no script sees them
local base, group, number = KEYS[1], ARGV[4], tonumber(ARGV[5])
redis.call('SET', base .. ':probe', '', 'XX') -- changes nothing, and says whether the server takes writes
if (redis.call('GET', base .. ':seq') or '0') ~= ARGV[2] then
  return 0
end
if (redis.call('GET', base .. ':version') or '0') ~= ARGV[3] then
  return 0
end
if redis.call('EXISTS', base .. ':frozen_group:' .. group) == 1 then
  return 0
end

local seen = {}
for i = 6, 5 + 4 * number, 4 do
  seen[ARGV[i]] = {ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]}
end
local held = groups.held(group)
if #held ~= number then
  return 0
end
for _, now in ipairs(held) do
  local before = seen[now[1]]
  local same = before and before[1] == now[2] and before[2] == now[3] and before[3] == now[4]
  if not same or now[5] == 1 then
    return 0
  end
end

local name = base .. ':group:' .. group
redis.call('DEL', name)
redis.call('HSET', name, '!', 0)
for i = 6 + 4 * number, #ARGV, 2 do
  redis.call('HSET', name, ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', name, ARGV[1])
return 1
