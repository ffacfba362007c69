--[[
  Stands in front of every script of the command API: write-model/run-script.ts puts it there.
  It lets the script run only in the one epoch of gate and coupon (docs/guarantees.md P1), and holds
  what the scripts do with a coupon's outbox.
  Keys of every script; its own follow
    1 gate            hash {epoch, replicationId, evictedKeys, partitions}
    2 coupon          hash; absent before the first command
    3 outbox          sorted set event id -> decided at (ms)
    4 outbox-events   hash event id -> event JSON
  Arguments of every script; its own follow
    1 epoch           the epoch that this process decides in, or that the event was decided in
  Returns in the script's place
    {'closed'}        the epochs differ: nothing was changed
  Gives to the script
    epoch, couponExists, currentTime, text, addToOutbox, removeFromOutbox, waitingEvent
]]
local epoch = ARGV[1]
if redis.call('HGET', KEYS[1], 'epoch') ~= epoch then return { 'closed' } end
local couponEpoch = redis.call('HGET', KEYS[2], 'epoch')
local couponExists = couponEpoch ~= false
if couponExists and couponEpoch ~= epoch then return { 'closed' } end

-- The clock of this Redis in ms: the only one that decides.
local function currentTime()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text, without the exponent that Lua gives to large ones.
local function text(number)
  return string.format('%.0f', number)
end

-- `event`: JSON object without occurredAt; `decided`: further members of it as `,"name":value`.
local function addToOutbox(eventId, event, now, decided)
  redis.call('ZADD', KEYS[3], text(now), eventId)
  redis.call('HSET', KEYS[4], eventId,
    string.sub(event, 1, -2) .. decided .. ',"occurredAt":' .. text(now) .. '}')
end

-- From here on nothing waits for these events, and the relay leaves them alone.
local function removeFromOutbox(...)
  redis.call('ZREM', KEYS[3], ...)
end

-- The JSON of an event that is not known to be in the log yet, quarantined ones included; else nil.
local function waitingEvent(eventId)
  return redis.call('HGET', KEYS[4], eventId) or nil
end
