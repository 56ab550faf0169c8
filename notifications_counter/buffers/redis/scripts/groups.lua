-- Stands before each script of a counter with composite keys, whose keys with the same first part are a group. Before
-- those of other counters stands `local groups = false`, so that they cost nothing.
--
-- A key is group, comma, rest; the comma is the first without an exclamation mark before it.
--
-- writes  pending_keys         sorted set       the keys in pending, in alphabetical order
--         batch_keys           sorted set       the keys in batch
--         asked_keys           sorted set       the keys of which a recount was asked for
--         group:<group>        hash, expires    rest -> value, of all keys of the group that are not 0, and '!', which
--                                               can be no rest
--         frozen_group:<group> string, expires  a key of the group is frozen
local groups = {}
do
  local base = KEYS[1]

  local function split(key)
    local place = 1
    while true do
      local found = string.find(key, '[!,]', place)
      if not found then
        return key, ''
      end
      if string.sub(key, found, found) == ',' then
        return string.sub(key, 1, found - 1), string.sub(key, found + 1)
      end
      place = found + 2
    end
  end

  -- Nobody knows the value of a key any more.
  function groups.forget(key)
    redis.call('DEL', base .. ':group:' .. split(key))
  end

  -- What is pending of keys has changed.
  function groups.note(keys, sums)
    local held, gone = {}, {}
    for place, key in ipairs(keys) do
      if sums[place] == 0 then
        gone[#gone + 1] = key
      else
        held[#held + 1], held[#held + 2] = '0', key
      end
    end
    if #held > 0 then
      redis.call('ZADD', base .. ':pending_keys', unpack(held))
    end
    if #gone > 0 then
      redis.call('ZREM', base .. ':pending_keys', unpack(gone))
    end
  end

  -- Deltas were added to what is pending of keys.
  function groups.add(keys, deltas, sums)
    groups.note(keys, sums)
    local names, rests = {}, {}
    for place, key in ipairs(keys) do
      local group, rest = split(key)
      names[place], rests[place] = base .. ':group:' .. group, rest
    end
    if redis.call('EXISTS', unpack(names)) == 0 then
      return
    end
    for place, name in ipairs(names) do
      local is_cached = redis.call('EXISTS', name) == 1
      if is_cached and type(redis.pcall('HINCRBY', name, rests[place], deltas[place])) == 'table' then
        redis.call('DEL', name) -- it was no number
      end
    end
  end

  function groups.ask(key)
    redis.call('ZADD', base .. ':asked_keys', 0, key)
    groups.forget(key)
  end

  function groups.settle(key)
    if not is_asked(key) then
      redis.call('ZREM', base .. ':asked_keys', key)
    end
  end

  function groups.freeze(key, seconds)
    local group = split(key)
    local name = base .. ':frozen_group:' .. group
    if redis.call('TTL', name) < tonumber(seconds) then
      redis.call('SET', name, 1, 'EX', seconds)
    end
    redis.call('DEL', base .. ':group:' .. group)
  end

  -- What waits by a name, pending or batch, is gone.
  function groups.unlink(name)
    redis.call('UNLINK', base .. ':' .. name .. '_keys')
  end

  function groups.claim()
    groups.unlink('batch')
    if redis.call('EXISTS', base .. ':pending_keys') == 1 then
      redis.call('RENAME', base .. ':pending_keys', base .. ':batch_keys')
    end
  end

  -- The keys of a group of which anything waits, or a recount was asked for, each with its pending delta, its delta in
  -- the batch, its rank there ('' for none), and 1 if a recount of it was asked for.
  function groups.held(group)
    local seen, found = {}, {}
    for _, name in ipairs({':pending_keys', ':batch_keys', ':asked_keys'}) do
      for _, key in ipairs(redis.call('ZRANGEBYLEX', base .. name, '[' .. group .. ',', '(' .. group .. '-')) do
        if not seen[key] then
          seen[key] = true
          found[#found + 1] = {
            key,
            redis.call('ZSCORE', base .. ':pending', key) or '',
            redis.call('ZSCORE', base .. ':batch', key) or '',
            tostring(redis.call('ZRANK', base .. ':batch', key) or ''),
            is_asked(key) and 1 or 0,
          }
        end
      end
    end
    return found
  end
end
