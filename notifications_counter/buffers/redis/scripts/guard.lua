-- A recount begins: note what is pending of keys, and set a guard that every other step on a key deletes.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     the recount's own id
-- ARGV[2]     grace time in seconds: a younger intent is that of a writer who is about to push
-- ARGV[3...]  keys
--
-- writes  guards   hash, expires    key -> the recount's id
-- reads   intents  hash             when each was left, or that it is flagged
--
-- Returns as snapshot does, and for each key also: 1 if an intent is younger than the grace time, then all its tokens.
local base, id, grace = KEYS[1], ARGV[1], tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local reply = {redis.call('GET', base .. ':seq') or '0', redis.call('GET', base .. ':version') or '0'}
reply[3] = redis.call('EXISTS', base .. ':batch')
for i = 3, #ARGV do
  local key, seen, young = ARGV[i], {}, 0
  for token, noted in string.gmatch(redis.call('HGET', base .. ':intents', key) or '', ';([^=]*)=([^;]*)') do
    seen[#seen + 1] = token
    local left = tonumber(noted)
    -- Not one of the future: the clock was set back, and nobody knows how old it is. Its push requests a recount.
    if left and left <= now and token ~= 'recount' and now - left < grace then
      young = 1
    end
  end
  redis.call('HSET', base .. ':guards', key, id)
  reply[#reply + 1] = {
    redis.call('ZSCORE', base .. ':pending', key) or '',
    redis.call('ZSCORE', base .. ':batch', key) or '',
    redis.call('ZRANK', base .. ':batch', key) or '',
    young,
    seen,
  }
end
redis.call('EXPIRE', base .. ':guards', 3600)
return reply
