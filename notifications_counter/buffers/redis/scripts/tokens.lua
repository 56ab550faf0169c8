-- Stands before the scripts that change the intents of keys, or ask for some: one hash holds those of all keys, so that
-- one call can read or write many.
--
-- writes  intents  hash  key -> its intents, one after the other: `;token=when` of a transaction, when it was left;
--                        `;token=flagged when` once a recount has seen it; `;recount=when` of a requested recount

-- What is left of a key's intents without a token, and what stood there of it, or nil.
local function take(text, token)
  local first, last = string.find(text, ';' .. token .. '=', 1, true)
  if not first then
    return text, nil
  end
  local after = string.find(text, ';', last, true) or #text + 1
  return string.sub(text, 1, first - 1) .. string.sub(text, after), string.sub(text, last + 1, after - 1)
end

-- Whether a recount of a key was requested.
local function is_asked(key)
  return string.find(redis.call('HGET', KEYS[1] .. ':intents', key) or '', ';recount=', 1, true) ~= nil
end
