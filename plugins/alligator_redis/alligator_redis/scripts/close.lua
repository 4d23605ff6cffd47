-- uses: common give_back
-- Give back what a consumer holds. ARGV: consumer.
local waiting = call('ZSCORE', KEYS[1] .. 'w', ARGV[1])
local count = give_back(KEYS[1], ARGV[1], 0, clock())
if waiting then
  -- Its own wait ends too.
  call('RPUSH', KEYS[1] .. 'w:' .. ARGV[1], '1')
  call('PEXPIRE', KEYS[1] .. 'w:' .. ARGV[1], '10000')
end
return count
