-- uses: common find
-- Look at a message. ARGV: id. Returns {state, body, priority, deliveries, ms until it is ready} or nil.
local K, id = KEYS[1], ARGV[1]
local where, score = find(K, id)
if not where then return false end
local left = where == 'd' and math.max(0, math.ceil(score - clock())) or 0
local state = where == 'h' and 'reserved' or left > 0 and 'delayed' or 'ready'
local deaths = call('HGET', K .. 'c', id) or 0
return {state, call('HGET', K .. 'b', id), tonumber(call('HGET', K .. 'p', id) or 5), deaths + 1, left}
