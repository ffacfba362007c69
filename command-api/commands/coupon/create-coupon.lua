--[[
  Decides on a new coupon; domain/decisions/create-coupon.ts is the specification.
  Behind write-model/prelude.lua: keys 1 to 4 and argument 1 are described there.
  Keys
    5 coupons         set of coupon ids: every coupon whose outbox the relay looks at
  Arguments
    2 event           the CouponCreated event as JSON, without occurredAt
    3 coupon id       also the event's id
    4 title  5 quantity  6 start date (ms)  7 end date (ms)  8 limit per user
    9 request hash
  Returns
    {'accepted', now}
    {'repeat', created at, event JSON or ''}   the JSON when the event is still in the outbox
    {'key-reused'} {'end-date-passed'} {'closed'}
]]
if couponExists then
  local coupon = redis.call('HMGET', KEYS[2], 'createdAt', 'requestHash')
  if coupon[2] ~= ARGV[9] then return { 'key-reused' } end
  return { 'repeat', coupon[1], waitingEvent(ARGV[3]) or '' }
end

local now = currentTime()
if tonumber(ARGV[7]) <= now then return { 'end-date-passed' } end

redis.call('HSET', KEYS[2], 'epoch', epoch, 'title', ARGV[4], 'quantity', ARGV[5],
  'remaining', ARGV[5], 'lastSequence', '0', 'startDate', ARGV[6], 'endDate', ARGV[7],
  'perUserLimit', ARGV[8], 'createdAt', text(now), 'requestHash', ARGV[9],
  -- For every other command this coupon exists once its event is confirmed (docs/guarantees.md P4).
  'pendingCreation', '1')
redis.call('SADD', KEYS[5], ARGV[3])
addToOutbox(ARGV[3], ARGV[2], now, '')
return { 'accepted', text(now) }
