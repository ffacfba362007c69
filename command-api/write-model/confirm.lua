--[[
  Takes events that are in the log out of their coupon's outbox, and gives what they give; `confirm` in
  domain/decisions/reserve-and-confirm.ts is the specification. Confirming twice changes nothing.
  Behind prelude.lua: keys 1 to 4 and argument 1 are described there; the epoch is the EVENTS', never
  "the current one" (docs/guarantees.md P3).
  Keys
    5 unanswered      set of ids of assignments that no caller was answered with yet: each begins as one
                      (write-model/answered.ts takes it out)
  Arguments
    2 creation        the event id of the coupon's creation when that is among the events, else ''
    3.. event ids
  Returns
    {'confirmed'} {'closed'}
]]
if not couponExists then return { 'closed' } end

local unanswered = {}
for i = 3, #ARGV do
  -- Not the outbox: what is quarantined is no longer there, and is confirmed when it got in after all.
  local wasWaiting = redis.call('HDEL', KEYS[4], ARGV[i]) == 1
  -- Not the creation: who asks for it again has its key.
  if wasWaiting and ARGV[i] ~= ARGV[2] then unanswered[#unanswered + 1] = ARGV[i] end
end
removeFromOutbox(unpack(ARGV, 3))
if #unanswered > 0 then redis.call('SADD', KEYS[5], unpack(unanswered)) end
if ARGV[2] ~= '' then redis.call('HDEL', KEYS[2], 'pendingCreation') end
return { 'confirmed' }
