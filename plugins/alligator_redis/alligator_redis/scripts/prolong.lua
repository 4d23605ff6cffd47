-- uses: common holder
-- A sign of life of a holder, by somebody else. ARGV: holder, lease in ms. Returns how many consumers it has.
local K = KEYS[1]
local now = clock()
local found = consumers_of(K, ARGV[1])
for _, consumer in ipairs(found) do
  call('ZADD', K .. 'l', 'XX', 'GT', now + ARGV[2], consumer)
end
return #found
