-- uses: common give_back
-- Give back those runs of a consumer that it never heard of. ARGV: consumer, then the places of the runs it knows.
local K, consumer = KEYS[1], ARGV[1]
local hold, known = K .. 'h:' .. consumer, {}
for i = 2, #ARGV do known[ARGV[i]] = true end
local runs, kept = call('HGETALL', hold), {}
for r = 1, #runs, 2 do
  if known[runs[r]] then
    kept[#kept + 1] = runs[r]
    kept[#kept + 1] = runs[r + 1]
  end
end
if #kept == #runs then return 0 end
local expiry = call('ZSCORE', K .. 'l', consumer)
if #kept > 0 then call('HDEL', hold, unpack(kept)) end
local count = give_back(K, consumer, 0, clock())
if #kept > 0 then call('HSET', hold, unpack(kept)) end
if expiry then call('ZADD', K .. 'l', expiry, consumer) end
return count
