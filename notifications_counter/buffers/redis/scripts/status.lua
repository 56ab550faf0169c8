-- What is pending in a shard, and how the server is set up that holds it.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  the number of the last batch as the database knows it
-- ARGV[2]  how many members of it the database has applied
-- ARGV[3]  of how many members a sum is made at most
--
-- Returns seq, the size of the batch, how many keys are still to be applied, the sum of their deltas ('': too many of
-- them, or no exact number), and of INFO, which fewer services forbid than CONFIG, four parts.
local base = KEYS[1]
local pending, batch = base .. ':pending', base .. ':batch'
local seq = redis.call('GET', base .. ':seq') or '0'
local held, limit = redis.call('ZCARD', batch), tonumber(ARGV[3])
local applied = seq == ARGV[1] and math.min(tonumber(ARGV[2]), held) or 0
local keys = redis.call('ZCARD', pending) + held - applied

local function sum(name, first)
  local total = 0
  local members = redis.call('ZRANGE', name, first, -1, 'WITHSCORES')
  for i = 2, #members, 2 do
    total = total + tonumber(members[i])
  end
  return total
end

local amount = ''
if keys <= limit then
  local total = sum(pending, 0) + sum(batch, applied)
  if math.abs(total) < 2 ^ 53 then -- false for what is no number, too
    amount = string.format('%.0f', total)
  end
end
return {
  seq, held, keys, amount,
  string.match(redis.call('INFO', 'server'), 'run_id:%w+'),
  redis.call('INFO', 'memory'),
  redis.call('INFO', 'persistence'),
  redis.call('INFO', 'replication'),
}
