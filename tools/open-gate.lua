-- Opens the gate for an epoch, unless it is open for the same or a newer one.
-- KEYS[1]  the gate: hash {epoch, replicationId}
-- ARGV[1]  the epoch, decimal
-- ARGV[2]  replication id of this Redis, read by the caller: a script can't read INFO
-- Gives 'opened', or the epoch for which the gate is open.
local current = redis.call('HGET', KEYS[1], 'epoch')
if current and tonumber(current) >= tonumber(ARGV[1]) then
  return current
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'replicationId', ARGV[2])
return 'opened'
