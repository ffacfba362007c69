--[[
  One step of a rebuild. All steps are in this one script, so that none can go without the fence: the
  lock is the caller's, and this is the master on which it was taken (docs/guarantees.md P17).
  Keys
    1 rebuild lock    string, the token of its holder
    2 gate            hash {epoch, replicationId, evictedKeys, partitions}, or {closing, evictedKeys}
    3.. what the step touches
  Arguments
    1 token
    2 replication id  of the master on which the lock was taken
    3 epoch           the one that was claimed; '' for `renew`
    4 step
    5.. its own
  Steps
    renew             5 lifetime of the lock in ms
    close-gate        puts {closing, evictedKeys} in the place of a gate of an older epoch; the latter is
                      how many keys Redis has evicted so far
    close-coupons     keys: coupon, holders, outbox, outbox-events, unanswered of each; puts a
                      closing marker in the place of each coupon and removes the rest
    For the next three, key 3 must hold a closing marker of this epoch:
    write-assignments keys: coupon, holders, unanswered, idempotency keys;
                      5 how many texts follow for holders; those: user id, assignments, ...;
                      for each idempotency key: record, ms to live; ids of the unanswered
    write-coupon      keys: coupon, coupons; 5 coupon id; 6.. its fields and values
    drop-coupon       keys: coupon, coupons; 5 coupon id
    open-gate         5 partitions that this epoch was marked in; puts the gate of this epoch in the
                      place of its {closing}, and gives the lock back; not when keys were evicted
                      since close-gate
  Returns
    {'done'}, or {'lost', reason} when the fence, or a higher epoch, forbids it: nothing was changed
]]
local gate, epoch, step = KEYS[2], ARGV[3], ARGV[4]

local function lost(reason) return { 'lost', reason } end

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return lost('the lock is gone') end
local replication = redis.call('INFO', 'replication')
if string.match(replication, 'role:(%a+)') ~= 'master'
    or string.match(replication, 'master_replid:(%x+)') ~= ARGV[2] then
  return lost('this Redis is not the master on which the lock was taken')
end

if step == 'renew' then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return { 'done' }
end

local function countEvicted()
  return string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)')
end

-- The highest epoch that a gate or a coupon names; -1 when it names none.
local function epochIn(key)
  local fields = redis.call('HMGET', key, 'epoch', 'closing')
  return math.max(tonumber(fields[1] or '') or -1, tonumber(fields[2] or '') or -1)
end

if step == 'close-gate' then
  local found = epochIn(gate)
  if found >= tonumber(epoch) then return lost('the gate is of epoch ' .. found) end
  redis.call('DEL', gate)
  redis.call('HSET', gate, 'closing', epoch, 'evictedKeys', countEvicted())
  return { 'done' }
end

if redis.call('HGET', gate, 'closing') ~= epoch then return lost('the gate was changed') end

if step == 'close-coupons' then
  for i = 3, #KEYS, 5 do
    local found = epochIn(KEYS[i])
    if found > tonumber(epoch) then return lost('a coupon is of epoch ' .. found) end
  end
  for i = 3, #KEYS, 5 do
    redis.call('UNLINK', unpack(KEYS, i, i + 4))
    -- A text that is no epoch: no script of any epoch takes it for its own.
    redis.call('HSET', KEYS[i], 'epoch', 'closing', 'closing', epoch)
  end
elseif step == 'open-gate' then
  local evicted = countEvicted()
  if redis.call('HGET', gate, 'evictedKeys') ~= evicted then
    return lost('Redis has evicted keys during the rebuild')
  end
  redis.call('DEL', gate, KEYS[1])
  redis.call('HSET', gate, 'epoch', epoch, 'replicationId', ARGV[2],
    'evictedKeys', evicted, 'partitions', ARGV[5])
elseif redis.call('HGET', KEYS[3], 'closing') ~= epoch then
  return lost('a coupon was changed')
elseif step == 'write-assignments' then
  local next = 6 + ARGV[5]
  redis.call('HSET', KEYS[4], unpack(ARGV, 6, next - 1))
  for i = 6, #KEYS do
    redis.call('SET', KEYS[i], ARGV[next], 'PX', ARGV[next + 1])
    next = next + 2
  end
  if next <= #ARGV then redis.call('SADD', KEYS[5], unpack(ARGV, next)) end
elseif step == 'write-coupon' then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], unpack(ARGV, 6))
  redis.call('SADD', KEYS[4], ARGV[5])
elseif step == 'drop-coupon' then
  redis.call('DEL', KEYS[3])
  redis.call('SREM', KEYS[4], ARGV[5])
else
  return redis.error_reply('ERR no such step: ' .. step)
end
return { 'done' }
