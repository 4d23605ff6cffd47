-- uses: common
-- Remove dead letters. ARGV: how many, or '' and the ids. Returns how many that were.
local K = KEYS[1]
local removed = 0
local function remove(id)
  call('ZREM', K .. 'Z', id)
  removed = removed + call('HDEL', K .. 'D', id)
end
if ARGV[1] == '' then
  for i = 2, #ARGV do remove(ARGV[i]) end
else
  for _, id in ipairs(call('ZRANGE', K .. 'Z', 0, ARGV[1] - 1)) do remove(id) end
end
return removed
