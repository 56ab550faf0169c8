-- Whether the server takes writes, of any kind: a write that would take memory, and changes nothing.
--
-- KEYS[1]  base of the shard's keys
return redis.call('SET', KEYS[1] .. ':probe', '', 'XX')
