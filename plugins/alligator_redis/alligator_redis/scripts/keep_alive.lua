-- uses: common give_back
-- A sign of life of a consumer. ARGV: consumer, lease in ms, whether it holds something.
-- Returns 0 if it had been declared dead, 1 otherwise.
local K = KEYS[1]
local now = clock()
local alive = 1
if ARGV[3] == '1' and not call('ZSCORE', K .. 'l', ARGV[1]) then
  alive = 0
else
  call('ZADD', K .. 'l', now + ARGV[2], ARGV[1])
end
reap(K, now)
return alive
