-- A recount ends: add the difference of a key, if nothing has changed the key and no batch has moved since the guard.
-- A check ends in the same way, and adds nothing.
--
-- KEYS[1]     base of the shard's keys
-- ARGV[1]     the recount's own id
-- ARGV[2]     seq as it was noted
-- ARGV[3]     grace time in seconds
-- ARGV[4]     seconds after which an intent is dropped: no transaction lasts that long
-- ARGV[5]     '1' to correct; '0' only to tell which keys nothing has changed, and change nothing
-- ARGV[6...]  for each key: key, pending, score in the batch, rank there, difference, number of tokens, the tokens
--
-- writes  pending        sorted set  key -> summed delta; a sum of zero is removed
--         total:<key>    string      deleted: it may have been wrong by itself
--         intents        hash        tokens that were seen are flagged: their push requests a recount, and adds nothing
--                                    where the sum is beyond 2^53, another recount is requested, for the next flush
--         dirty          sorted set  key -> when to look again: when the youngest intent is twice as old; removed with
--                                    the last intent
--         guards         hash        key deleted
--
-- Returns the keys that are done.
local base, id, seq = KEYS[1], ARGV[1], ARGV[2]
local grace, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
local corrects, intents = ARGV[5] == '1', base .. ':intents'
local now = tonumber(redis.call('TIME')[1])
local done = {}

local function settle(key, seen)
  local held, youngest = redis.call('HGET', intents, key) or '', nil
  for _, token in ipairs(seen) do
    local rest, left = take(held, token)
    local since = left and tonumber(string.match(left, '%d+'))
    if token == 'recount' or (since and now - since > longest) then
      held = rest
    elseif since then
      held = rest .. ';' .. token .. '=flagged ' .. since
      youngest = math.max(youngest or since, since)
    end
  end
  if groups then
    groups.settle(key)
  end
  if held == '' then
    redis.call('HDEL', intents, key)
    redis.call('ZREM', base .. ':dirty', key)
  else
    redis.call('HSET', intents, key, held)
    redis.call('ZADD', base .. ':dirty', now + math.max(grace, now - (youngest or now)), key)
  end
end

local function add(key, difference)
  if difference ~= '0' then
    local sum = tonumber(redis.call('ZINCRBY', base .. ':pending', difference, key))
    if sum == 0 then
      redis.call('ZREM', base .. ':pending', key)
    end
    if groups then
      groups.note({key}, {sum})
    end
    if math.abs(sum) >= 2 ^ 53 or math.abs(tonumber(difference)) >= 2 ^ 53 then -- more than a double can add up
      local held = take(redis.call('HGET', intents, key) or '', 'recount')
      redis.call('HSET', intents, key, held .. ';recount=' .. now)
      redis.call('ZADD', base .. ':dirty', now, key)
      if groups then
        groups.ask(key)
      end
    end
  end
  redis.call('DEL', base .. ':total:' .. key)
  if groups then
    groups.forget(key)
  end
end

local same_seq = (redis.call('GET', base .. ':seq') or '0') == seq
local i = 6
while i <= #ARGV do
  local key, count = ARGV[i], tonumber(ARGV[i + 5])
  local same = same_seq
    and redis.call('HGET', base .. ':guards', key) == id
    and (redis.call('ZSCORE', base .. ':pending', key) or '') == ARGV[i + 1]
    and (redis.call('ZSCORE', base .. ':batch', key) or '') == ARGV[i + 2]
    and tostring(redis.call('ZRANK', base .. ':batch', key) or '') == ARGV[i + 3]
  if same and corrects then
    settle(key, {unpack(ARGV, i + 6, i + 5 + count)})
    add(key, ARGV[i + 4])
  end
  if same then
    redis.call('HDEL', base .. ':guards', key)
    done[#done + 1] = key
  end
  i = i + 6 + count
end
return done
