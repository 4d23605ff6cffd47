-- uses: common lines
-- Remove some of what waits. ARGV: how many at most. Returns how many that were.
local K, limit = KEYS[1], tonumber(ARGV[1])
local removed = 0
local function remove(ids)
  if #ids == 0 then return end
  removed = removed + call('HDEL', K .. 'b', unpack(ids))
  for _, key in ipairs({'p', 'c', 's'}) do
    if call('EXISTS', K .. key) == 1 then call('HDEL', K .. key, unpack(ids)) end
  end
end
for _, key in ipairs({'d', 'x', 'u'}) do
  local ids = call('ZRANGE', K .. key, 0, limit - 1)
  if #ids > 0 then
    call('ZREM', K .. key, unpack(ids))
    remove(ids)
  end
end
for priority = 0, 9 do
  local taken, runs, used = runs_of(K, priority, limit)
  if taken > 0 then
    for _, run in ipairs(runs) do remove(run[2]) end
    leave(K, priority, taken, used)
  end
end
return removed
