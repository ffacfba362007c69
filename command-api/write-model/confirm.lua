--[[
  Takes events that are in the log out of their coupon's outbox, and gives what they give; `confirm` in
  domain/decisions/reserve-and-confirm.ts is the specification. Confirming twice changes nothing.
  Behind prelude.lua: keys 1 to 4 and argument 1 are described there; the epoch is the EVENTS', never
  "the current one" (docs/guarantees.md P3).
  Keys
    5 unanswered      set of ids of assignments that no caller was answered with
  Arguments
    2 creation        the event id of the coupon's creation when that is among the events, else ''
    3 answered        how many of the ids below are of requests that are answered now; they come first
    4.. event ids
  Returns
    {'confirmed'} {'closed'}
]]
if not couponExists then return { 'closed' } end

local answeredCount = tonumber(ARGV[3])
local answered = {}
for i = 4, #ARGV do
  -- Not the outbox: what is quarantined is no longer there, and is confirmed when it got in after all.
  local wasWaiting = redis.call('HDEL', KEYS[4], ARGV[i]) == 1
  if i - 3 <= answeredCount then
    answered[#answered + 1] = ARGV[i]
  elseif wasWaiting and ARGV[i] ~= ARGV[2] then
    redis.call('SADD', KEYS[5], ARGV[i])
  end
end
removeFromOutbox(unpack(ARGV, 4))
if #answered > 0 then redis.call('SREM', KEYS[5], unpack(answered)) end
if ARGV[2] ~= '' then redis.call('HDEL', KEYS[2], 'pendingCreation') end
return { 'confirmed' }
