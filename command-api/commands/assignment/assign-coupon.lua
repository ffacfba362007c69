--[[
  Decides on one unit for one user; domain/decisions/assign-coupon.ts is the specification, with the
  checks in the same order. Behind write-model/prelude.lua: keys 1 to 4 and argument 1 are described there.
  Keys
    5 holders         hash user id -> `assignment id/sequence/assigned at/nth of user`, joined by
                      commas
    6 unanswered      set of ids of confirmed assignments that no caller was answered with
    7 idempotency     string `epoch|request hash|assignment as in holders`; read and written only
                      when the request has a key
  Arguments
    2 max outbox age  ms that the oldest event may wait before nothing new is reserved
    3 user id
    4 assignment id   also the event's id
    5 event           the CouponAssigned event as JSON, without sequence, nthOfUser, occurredAt
    6 request hash    '' when the request has no idempotency key
    7 key lifetime    ms
  Returns
    {'accepted', sequence, nth of user, now}
    {'repeat', assignment, event JSON or ''}   the JSON when the event is still in the outbox
    {'limit-reached', assignments, event JSON of each that is still in the outbox ...}
    {'not-started', start date} {'ended', end date}
    {'sold-out'} {'coupon-not-found'} {'key-reused'} {'overloaded'} {'closed'}
]]
local userId, assignmentId = ARGV[3], ARGV[4]
local hasKey = ARGV[6] ~= ''

if not couponExists then return { 'coupon-not-found' } end
local coupon = redis.call('HMGET', KEYS[2], 'pendingCreation', 'perUserLimit', 'startDate', 'endDate',
  'remaining', 'lastSequence')
if coupon[1] then return { 'coupon-not-found' } end

local function idOf(assignment)
  return string.sub(assignment, 1, string.find(assignment, '/', 1, true) - 1)
end

-- A repeat is recognised before anything else: it gets its answer even when the coupon has ended.
if hasKey then
  local record = redis.call('GET', KEYS[7])
  local recordEpoch, hash, assignment = string.match(record or '', '^(%d+)|([^|]+)|(.+)$')
  if recordEpoch == epoch then
    if hash ~= ARGV[6] then return { 'key-reused' } end
    return { 'repeat', assignment, waitingEvent(idOf(assignment)) or '' }
  end
end

local held = redis.call('HGET', KEYS[5], userId)
local heldCount = 0
if held then
  local _, commas = string.gsub(held, ',', ',')
  heldCount = commas + 1
end
if heldCount >= tonumber(coupon[2]) then
  local limitReached = { 'limit-reached', held }
  for assignment in string.gmatch(held, '[^,]+') do
    local id = idOf(assignment)
    local waiting = waitingEvent(id)
    if not hasKey and (waiting or redis.call('SISMEMBER', KEYS[6], id) == 1) then
      return { 'repeat', assignment, waiting or '' }
    end
    if waiting then table.insert(limitReached, waiting) end
  end
  return limitReached
end

local now = currentTime()
if now < tonumber(coupon[3]) then return { 'not-started', coupon[3] } end
if now >= tonumber(coupon[4]) then return { 'ended', coupon[4] } end
local remaining = tonumber(coupon[5])
if remaining <= 0 then return { 'sold-out' } end
local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if oldest[2] and now - tonumber(oldest[2]) > tonumber(ARGV[2]) then return { 'overloaded' } end

local sequence = text(coupon[6] + 1)
-- One above the last and not above the count: an epoch's end may have left the user only the second.
local lastNth = tonumber(string.match(held or '', '/%d+/%d+/(%d+)$')) or heldCount
local nthOfUser = text(lastNth + 1)
local assignment = assignmentId .. '/' .. sequence .. '/' .. text(now) .. '/' .. nthOfUser
redis.call('HSET', KEYS[2], 'remaining', text(remaining - 1), 'lastSequence', sequence)
redis.call('HSET', KEYS[5], userId, held and (held .. ',' .. assignment) or assignment)
addToOutbox(assignmentId, ARGV[5], now, ',"sequence":' .. sequence .. ',"nthOfUser":' .. nthOfUser)
if hasKey then
  redis.call('SET', KEYS[7], epoch .. '|' .. ARGV[6] .. '|' .. assignment, 'PX', ARGV[7])
end
return { 'accepted', sequence, nthOfUser, text(now) }
