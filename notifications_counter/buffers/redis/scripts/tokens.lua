-- Stands before the scripts that read or write the intents of keys: one hash holds those of all keys, so that one call
-- can read or write many.
--
-- writes  intents  hash  key -> its intents, one after the other: `;token=when` of a transaction, when it was left;
--                        `;token=flagged when` once a recount has seen it; `;recount=when` of a requested recount
local tokens = {}
do
  local name = KEYS[1] .. ':intents'

  function tokens.read(key)
    return redis.call('HGET', name, key) or ''
  end

  function tokens.write(key, text)
    if text == '' then
      redis.call('HDEL', name, key)
    else
      redis.call('HSET', name, key, text)
    end
  end

  -- What is left without a token, and what stood there of it, or nil.
  function tokens.take(text, token)
    local mark = ';' .. token .. '='
    local first, last = string.find(text, mark, 1, true)
    if not first then
      return text, nil
    end
    local after = string.find(text, ';', last, true) or #text + 1
    return string.sub(text, 1, first - 1) .. string.sub(text, after), string.sub(text, last + 1, after - 1)
  end

  function tokens.put(text, token, left)
    return tokens.take(text, token) .. ';' .. token .. '=' .. left
  end

  function tokens.each(text)
    return string.gmatch(text, ';([^=]*)=([^;]*)')
  end

  -- Whether a recount of a key was requested.
  function tokens.ask(key)
    return string.find(tokens.read(key), ';recount=', 1, true) ~= nil
  end
end
