-- uses: common promote
-- Move dead letters back to the queue, the longest buried first. ARGV: rank of the first, number of them, or '' '' and
-- the ids. Returns {how many there were, the ids moved …}.
local K = KEYS[1]
local ids = {}
if ARGV[1] == '' then
  local found = {}
  for i = 3, #ARGV do
    local number = call('ZSCORE', K .. 'Z', ARGV[i])
    if number then found[#found + 1] = {tonumber(number), ARGV[i]} end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  for i, pair in ipairs(found) do ids[i] = pair[2] end
else
  ids = call('ZRANGE', K .. 'Z', ARGV[1], ARGV[1] + ARGV[2] - 1)
end
want('hash', K .. 'b', K .. 'p')
want('list', K .. 'r0', K .. 'r1', K .. 'r2', K .. 'r3', K .. 'r4', K .. 'r5', K .. 'r6', K .. 'r7', K .. 'r8', K .. 'r9')
local now = clock()
promote(K, now)
local out = {#ids}
for _, id in ipairs(ids) do
  local letter = call('HGET', K .. 'D', id)
  letter = letter and cmsgpack.unpack(letter)
  if letter and call('HSETNX', K .. 'b', id, letter[1]) == 1 then
    if letter[5] ~= 5 then call('HSET', K .. 'p', id, letter[5]) end
    call('RPUSH', K .. 'r' .. letter[5], id)
    call('HDEL', K .. 'D', id)
    call('ZREM', K .. 'Z', id)
    out[#out + 1] = id
  end
end
wake(K, #out - 1, now)
return out
