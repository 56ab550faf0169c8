-- What is pending of keys, at one moment.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1...]  keys
--
-- Returns seq, version, 1 if there is a batch, then for each key: its pending delta, its delta in the batch, its rank
-- there ('' for none), and 1 if a recount of it was requested.
local base = KEYS[1]
local reply = {redis.call('GET', base .. ':seq') or '0', redis.call('GET', base .. ':version') or '0'}
reply[3] = redis.call('EXISTS', base .. ':batch')
for i = 1, #ARGV do
  reply[#reply + 1] = redis.call('ZSCORE', base .. ':pending', ARGV[i]) or ''
  reply[#reply + 1] = redis.call('ZSCORE', base .. ':batch', ARGV[i]) or ''
  reply[#reply + 1] = redis.call('ZRANK', base .. ':batch', ARGV[i]) or ''
  reply[#reply + 1] = is_asked(ARGV[i]) and 1 or 0
end
return reply
