-- A recount begins: note what is pending of keys, and set a guard that every other step on a key deletes.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     the recount's own id
-- ARGV[2]     grace time in seconds: a younger intent is that of a writer who is about to push
-- ARGV[3...]  keys
--
-- writes  guard:<key>    string, expires    the recount's id
-- reads   intents:<key>  hash               token -> when it was left, or flagged
--
-- Returns as snapshot does, and for each key also: 1 if an intent is younger than the grace time, then all its tokens.
local base, id, grace = KEYS[1], ARGV[1], tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local reply = {redis.call('GET', base .. ':seq') or '0', redis.call('GET', base .. ':version') or '0'}
reply[3] = redis.call('EXISTS', base .. ':batch')
for i = 3, #ARGV do
  local key, tokens, young = ARGV[i], {}, 0
  local intents = redis.call('HGETALL', base .. ':intents:' .. key)
  for j = 1, #intents, 2 do
    tokens[#tokens + 1] = intents[j]
    local left = tonumber(intents[j + 1])
    -- Not one of the future: the clock was set back, and nobody knows how old it is. Its push requests a recount.
    if left and left <= now and intents[j] ~= 'recount' and now - left < grace then
      young = 1
    end
  end
  redis.call('SET', base .. ':guard:' .. key, id, 'EX', 3600)
  reply[#reply + 1] = {
    redis.call('ZSCORE', base .. ':pending', key) or '',
    redis.call('ZSCORE', base .. ':batch', key) or '',
    redis.call('ZRANK', base .. ':batch', key) or '',
    young,
    tokens,
  }
end
return reply
