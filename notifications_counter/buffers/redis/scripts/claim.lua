-- A flush takes all that is pending as one batch, or resumes the batch that was begun.
--
-- KEYS[1]  base of the shard's keys
-- ARGV[1]  the server's run id as the database knows it, '' before the first claim
-- ARGV[2]  the number of the last batch as the database knows it
-- ARGV[3]  how many members of it the database has applied
-- ARGV[4]  how many members it had
--
-- writes  seq      string        the number of the last claimed batch
--         batch    sorted set    pending as it was; unlinked where the server's data is older than the database's
--         epoch    string        deleted where something was lost
--         pending  sorted set    renamed; in older data unlinked, because a later batch had it, which was applied
--
-- Returns the run id, the number of the batch, its size (0: nothing to flush), and what was lost ('': nothing). What
-- it calls lost may have been applied by another flusher since the caller looked at the database.
local base = KEYS[1]
local known_run_id, number = ARGV[1], tonumber(ARGV[2])
local position, size = tonumber(ARGV[3]), tonumber(ARGV[4])
local batch, pending, sequence = base .. ':batch', base .. ':pending', base .. ':seq'
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local seq = tonumber(redis.call('GET', sequence) or '-1')
local held = redis.call('ZCARD', batch)
local lost = ''

if seq < number then
  if number > 0 or known_run_id ~= '' then -- it was claimed from before, if only in vain
    lost = 'its data'
    if seq >= 0 then
      lost = 'the newest of its data; ' .. redis.call('ZCARD', pending) .. ' older keys that waited were left out'
      redis.call('UNLINK', pending)
      if groups then
        groups.unlink('pending')
      end
    end
    redis.call('UNLINK', batch)
    if groups then
      groups.unlink('batch')
    end
    held = 0
  end
  seq = number
  redis.call('SET', sequence, seq)
elseif held == 0 and (seq > number or position < size) then
  lost = 'a batch that was being applied'
elseif seq > number + 1 then
  lost = 'nothing, but the database has lost batches that were applied'
end
if lost == '' and known_run_id ~= '' and known_run_id ~= run_id then
  lost = 'perhaps some of its data, because it was restarted or replaced'
end
if lost ~= '' then
  redis.call('DEL', base .. ':epoch')
end

if held == 0 and redis.call('EXISTS', pending) == 1 then
  redis.call('RENAME', pending, batch)
  if groups then
    groups.claim()
  end
  seq = redis.call('INCR', sequence)
  held = redis.call('ZCARD', batch)
end
return {run_id, seq, held, lost}
