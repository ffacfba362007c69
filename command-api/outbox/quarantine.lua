--[[
  Takes an event that the log refuses out of its coupon's outbox: nothing waits for it any more, and
  the relay leaves it alone. It stays among the outbox-events, so that whoever asks for it again has it
  emitted again first; what it took stays taken until the next rebuild (docs/guarantees.md P7).
  domain/decisions/quarantine.ts is the specification. Doing it twice changes nothing.
  Behind write-model/prelude.lua: keys 1 to 4 and argument 1, the EVENT's epoch, are described there.
  Arguments
    2 event id
  Returns
    {'quarantined'} {'closed'}
]]
if not couponExists then return { 'closed' } end
removeFromOutbox(ARGV[2])
return { 'quarantined' }
