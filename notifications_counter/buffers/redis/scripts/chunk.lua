-- A chunk of the claimed batch, by rank: the batch never changes, so a member's rank is its place.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  rank of the first member
-- ARGV[2]  rank of the last member
--
-- Returns the number of the batch, its size (0: there is none), then member, score, member, score ...
local base = KEYS[1]
local reply = redis.call('ZRANGE', base .. ':batch', ARGV[1], ARGV[2], 'WITHSCORES')
return {redis.call('GET', base .. ':seq') or '0', redis.call('ZCARD', base .. ':batch'), reply}
