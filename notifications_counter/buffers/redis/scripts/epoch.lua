-- What changes when a number of events may be lower than it was: with another run of the server, which may have lost its
-- newest data; where the data is gone; and where a flush has found data lost.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  the name of a new epoch, where none is known
--
-- writes  epoch  string
--
-- Returns the run id and the epoch.
local epoch = KEYS[1] .. ':epoch'
redis.call('SET', epoch, ARGV[1], 'NX')
return {string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'), redis.call('GET', epoch)}
