--[[
  Decides on a new coupon; domain/decide.ts decideCreate is the same rule.
  Keys
    1 gate            hash {epoch, replicationId, partitions}
    2 coupon          hash, absent before the first command
    3 outbox          sorted set event id -> decided at
    4 outbox-events   hash event id -> event JSON
    5 coupons         set of coupon ids: every coupon whose outbox the relay looks at
  Arguments
    1 epoch           the epoch this process decides in
    2 event           the CouponCreated event as JSON, without occurredAt
    3 coupon id       also the event's id
    4 title  5 quantity  6 start date (ms)  7 end date (ms)  8 limit per user
    9 request hash    '' when the request had no idempotency key
  Returns
    {'accepted', now}
    {'repeat', created at, event JSON or ''}   the JSON when the event is still in the outbox
    {'key-reused'} {'end-date-passed'} {'closed'}
]]
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return { 'closed' } end

local coupon = redis.call('HMGET', KEYS[2], 'epoch', 'createdAt', 'requestHash')
if coupon[1] then
  if coupon[1] ~= ARGV[1] then return { 'closed' } end
  if coupon[3] ~= ARGV[9] then return { 'key-reused' } end
  return { 'repeat', coupon[2], redis.call('HGET', KEYS[4], ARGV[3]) or '' }
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(ARGV[7]) <= now then return { 'end-date-passed' } end

local at = string.format('%.0f', now)
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'title', ARGV[4], 'quantity', ARGV[5],
  'remaining', ARGV[5], 'lastSequence', '0', 'startDate', ARGV[6], 'endDate', ARGV[7],
  'perUserLimit', ARGV[8], 'createdAt', at, 'requestHash', ARGV[9],
  -- For every other command this coupon exists once its event is confirmed (docs/guarantees.md P4).
  'pendingCreation', '1')
redis.call('SADD', KEYS[5], ARGV[3])
redis.call('ZADD', KEYS[3], at, ARGV[3])
redis.call('HSET', KEYS[4], ARGV[3], string.sub(ARGV[2], 1, -2) .. ',"occurredAt":' .. at .. '}')
return { 'accepted', at }
