--[[
  Takes events that are in the log out of their coupon's outbox, and gives what they give;
  domain/decide.ts confirm is the same rule. Confirming twice changes nothing.
  Keys
    1 gate            hash {epoch, replicationId, partitions}
    2 coupon          hash
    3 outbox          sorted set event id -> decided at
    4 outbox-events   hash event id -> event JSON
    5 unanswered      set of assignment ids that nobody was told of
  Arguments
    1 epoch           the EVENTS' epoch, never "the current one" (docs/guarantees.md P3)
    2 creation        the event id of the coupon's creation when that is among the events, else ''
    3 answered        how many of the ids below are of requests that are told now; they come first
    4.. event ids
  Returns
    1 confirmed, 0 closed: the epochs differ and nothing was changed
]]
local epoch, answered = ARGV[1], tonumber(ARGV[3])
if redis.call('HGET', KEYS[1], 'epoch') ~= epoch then return 0 end
if redis.call('HGET', KEYS[2], 'epoch') ~= epoch then return 0 end

local told = {}
for i = 4, #ARGV do
  -- Not the outbox: what was set aside is no longer there, and is confirmed when it got in after all.
  local wasWaiting = redis.call('HDEL', KEYS[4], ARGV[i]) == 1
  if i - 3 <= answered then
    told[#told + 1] = ARGV[i]
  elseif wasWaiting and ARGV[i] ~= ARGV[2] then
    redis.call('SADD', KEYS[5], ARGV[i])
  end
end
redis.call('ZREM', KEYS[3], unpack(ARGV, 4))
if #told > 0 then redis.call('SREM', KEYS[5], unpack(told)) end
if ARGV[2] ~= '' then redis.call('HDEL', KEYS[2], 'pendingCreation') end
return 1
