-- uses: common promote lines find
-- Take a waiting message off. ARGV: id. Returns {body, priority, ms until it would have been ready} or nil.
local K, id = KEYS[1], ARGV[1]
local where, score = find(K, id)
if not where or where == 'h' then return false end
local now = clock()
local priority = tonumber(call('HGET', K .. 'p', id) or 5)
local body = call('HGET', K .. 'b', id)
want('hash', K .. 't', K .. 'c', K .. 'n', K .. 's')
if where == 'r' then
  take_out(K, priority, id)
else
  call('ZREM', K .. where, id)
end
for _, key in ipairs({'b', 'p', 'c', 's'}) do call('HDEL', K .. key, id) end
return {body, priority, where == 'd' and math.max(0, math.ceil(score - now)) or 0}
