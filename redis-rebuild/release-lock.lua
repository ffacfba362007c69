--[[
  Releases the lock of a rebuild, if it is still the caller's.
  Keys
    1 rebuild lock    string, the token of its holder
  Arguments
    1 token
  Returns
    1 released, 0 it was somebody else's or nobody's
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
