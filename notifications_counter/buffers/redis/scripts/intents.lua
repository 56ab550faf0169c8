-- The intents of some keys, counted.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  rank in dirty of the first key
-- ARGV[2]  rank in dirty of the last key
--
-- reads  dirty          sorted set    key -> when to examine its intents
--        intents        hash          when each was left, or that it is flagged
--
-- Returns how many keys are dirty, and of those of the ranks: how many intents they have, how many of these are
-- flagged, how many recounts were requested, and how many seconds ago the oldest was left that is not flagged.
local base = KEYS[1]
local now = tonumber(redis.call('TIME')[1])
local intents, flagged, requests, oldest = 0, 0, 0, now

for _, key in ipairs(redis.call('ZRANGE', base .. ':dirty', ARGV[1], ARGV[2])) do
  for token, left in string.gmatch(redis.call('HGET', base .. ':intents', key) or '', ';([^=]*)=([^;]*)') do
    local since = tonumber(string.match(left, '%d+'))
    if token == 'recount' then
      requests = requests + 1
    elseif since then
      intents = intents + 1
      flagged = flagged + (tonumber(left) and 0 or 1)
      if tonumber(left) then -- what a recount has seen is counted
        oldest = math.min(oldest, since)
      end
    end
  end
end
return {redis.call('ZCARD', base .. ':dirty'), intents, flagged, requests, now - oldest}
