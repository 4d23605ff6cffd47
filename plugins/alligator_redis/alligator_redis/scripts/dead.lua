-- uses: common
-- List dead letters, the latest first. ARGV: offset, limit, or '' '' and the ids wanted.
-- Returns for each: id, body, reason, deliveries, ms since 1970 at which it was buried.
local K = KEYS[1]
local ids, out = {}, {}
if ARGV[1] == '' then
  local found = {}
  for i = 3, #ARGV do
    local number = call('ZSCORE', K .. 'Z', ARGV[i])
    if number then found[#found + 1] = {tonumber(number), ARGV[i]} end
  end
  table.sort(found, function(a, b) return a[1] > b[1] end)
  for i, pair in ipairs(found) do ids[i] = pair[2] end
else
  ids = call('ZREVRANGE', K .. 'Z', ARGV[1], ARGV[1] + ARGV[2] - 1)
end
for _, id in ipairs(ids) do
  local letter = call('HGET', K .. 'D', id)
  if letter then
    letter = cmsgpack.unpack(letter)
    for _, value in ipairs({id, letter[1], letter[2], letter[3], letter[4]}) do out[#out + 1] = value end
  end
end
return out
