--[[
  Decides on one unit for one user; domain/decide.ts decideAssign is the same rule, in the same order.
  Keys
    1 gate            hash {epoch, replicationId, partitions}
    2 coupon          hash
    3 holders         hash user id -> `assignment id/sequence/assigned at/nth of user`, joined by
                      commas
    4 outbox          sorted set event id -> decided at
    5 outbox-events   hash event id -> event JSON
    6 unanswered      set of assignment ids that nobody was told of
    7 idempotency     string `epoch|request hash|assignment as in holders`; read and written only
                      when the request has a key
  Arguments
    1 epoch           the epoch this process decides in
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
local epoch, userId, assignmentId = ARGV[1], ARGV[3], ARGV[4]
local hasKey = ARGV[6] ~= ''

if redis.call('HGET', KEYS[1], 'epoch') ~= epoch then return { 'closed' } end
local coupon = redis.call('HMGET', KEYS[2], 'epoch', 'pendingCreation', 'perUserLimit',
  'startDate', 'endDate', 'remaining', 'lastSequence')
if not coupon[1] then return { 'coupon-not-found' } end
if coupon[1] ~= epoch then return { 'closed' } end
if coupon[2] then return { 'coupon-not-found' } end

local function idOf(assignment)
  return string.sub(assignment, 1, string.find(assignment, '/', 1, true) - 1)
end

local function repeated(assignment)
  return { 'repeat', assignment, redis.call('HGET', KEYS[5], idOf(assignment)) or '' }
end

-- A repeat is told from a new request first: it gets its answer even when the coupon has ended.
if hasKey then
  local record = redis.call('GET', KEYS[7])
  local recordEpoch, hash, assignment = string.match(record or '', '^(%d+)|([^|]+)|(.+)$')
  if recordEpoch == epoch then
    if hash ~= ARGV[6] then return { 'key-reused' } end
    return repeated(assignment)
  end
end

local held = redis.call('HGET', KEYS[3], userId)
local heldCount = 0
if held then
  local _, commas = string.gsub(held, ',', ',')
  heldCount = commas + 1
end
if heldCount >= tonumber(coupon[3]) then
  local limitReached = { 'limit-reached', held }
  for assignment in string.gmatch(held, '[^,]+') do
    local id = idOf(assignment)
    local waiting = redis.call('HGET', KEYS[5], id)
    if not hasKey and (waiting or redis.call('SISMEMBER', KEYS[6], id) == 1) then
      return { 'repeat', assignment, waiting or '' }
    end
    if waiting then table.insert(limitReached, waiting) end
  end
  return limitReached
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < tonumber(coupon[4]) then return { 'not-started', coupon[4] } end
if now >= tonumber(coupon[5]) then return { 'ended', coupon[5] } end
local remaining = tonumber(coupon[6])
if remaining <= 0 then return { 'sold-out' } end
local oldest = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
if oldest[2] and now - tonumber(oldest[2]) > tonumber(ARGV[2]) then return { 'overloaded' } end

local at = string.format('%.0f', now)
local sequence = string.format('%.0f', coupon[7] + 1)
-- One above the last and not above the count: an epoch's end may have left the user only the second.
local lastNth = tonumber(string.match(held or '', '/%d+/%d+/(%d+)$')) or heldCount
local nthOfUser = string.format('%.0f', lastNth + 1)
local assignment = assignmentId .. '/' .. sequence .. '/' .. at .. '/' .. nthOfUser
redis.call('HSET', KEYS[2], 'remaining', string.format('%.0f', remaining - 1), 'lastSequence', sequence)
redis.call('HSET', KEYS[3], userId, held and (held .. ',' .. assignment) or assignment)
redis.call('ZADD', KEYS[4], at, assignmentId)
redis.call('HSET', KEYS[5], assignmentId, string.sub(ARGV[5], 1, -2)
  .. ',"sequence":' .. sequence .. ',"nthOfUser":' .. nthOfUser .. ',"occurredAt":' .. at .. '}')
if hasKey then
  redis.call('SET', KEYS[7], epoch .. '|' .. ARGV[6] .. '|' .. assignment, 'PX', ARGV[7])
end
return { 'accepted', sequence, nthOfUser, at }
