--[[
  Takes an event that the log refuses out of its coupon's outbox: nothing waits for it any more, and
  the relay leaves it alone. It stays among the outbox-events, so that whoever asks for it again has it
  emitted again first; what it took stays taken until the next rebuild (docs/guarantees.md P7).
  domain/decide.ts setAside is the same rule. Doing it twice changes nothing.
  Keys
    1 gate            hash {epoch, replicationId, partitions}
    2 coupon          hash
    3 outbox          sorted set event id -> decided at
  Arguments
    1 epoch           the EVENT's epoch
    2 event id
  Returns
    1 done, 0 closed: the epochs differ and nothing was changed
]]
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[1] then return 0 end
redis.call('ZREM', KEYS[3], ARGV[2])
return 1
