--[[
  Acquires the lock of a rebuild on a master, and returns which master that is.
  Keys
    1 rebuild lock    string, the token of its holder
  Arguments
    1 token           a new one for each acquisition
    2 lifetime        ms
  Returns
    {'acquired', replication id} {'held'} {'not-master'}
]]
local replication = redis.call('INFO', 'replication')
if string.match(replication, 'role:(%a+)') ~= 'master' then return { 'not-master' } end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return { 'held' } end
return { 'acquired', string.match(replication, 'master_replid:(%x+)') }
