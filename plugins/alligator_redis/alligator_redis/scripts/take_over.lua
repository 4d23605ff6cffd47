-- uses: common holder
-- Let a consumer hold what the others of a holder hold, and forget those. ARGV: holder, consumer, lease in ms, whether it
-- has that name from earlier, then the places of the runs that it knows.
-- Returns {whether there is more, for each run that it doesn't know: place, deliveries, ids, bodies}, or 0 if it had been
-- declared dead itself. What an answer spoke of that was lost is so returned again by the next call.
local K, holder, consumer = KEYS[1], ARGV[1], ARGV[2]
local own = K .. 'h:' .. consumer
local now = clock()

-- What was settled of a run leaves gaps, and so does what has no body: each piece becomes a run of its own.
local function move(field, ids)
  local first, piece = first_place(field), {}
  for i = 1, #ids + 1 do
    local id = ids[i]
    if id and call('HEXISTS', K .. 'b', id) == 1 then
      piece[#piece + 1] = id
    elseif #piece > 0 then
      local name = #piece == #ids and field or again(K, first + i - 1 - #piece)
      call('HSET', own, name, cmsgpack.pack(piece))
      piece = {}
    end
  end
end

want('hash', own, K .. 'b', K .. 'c', K .. 'n')
want('zset', K .. 'w')
if call('ZADD', K .. 'l', now + ARGV[3], consumer) == 1 and ARGV[4] == '1' then
  call('ZREM', K .. 'l', consumer)
  return 0
end
for _, other in ipairs(consumers_of(K, holder)) do
  if other ~= consumer then
    local runs = call('HGETALL', K .. 'h:' .. other)
    for r = 1, #runs, 2 do move(runs[r], cmsgpack.unpack(runs[r + 1])) end
    call('DEL', K .. 'h:' .. other)
    call('ZREM', K .. 'l', other)
    call('ZREM', K .. 'w', other)
    -- Whoever it was that a push has woken: another one has to look.
    if call('DEL', K .. 'w:' .. other) == 1 then wake(K, 1, now) end
  end
end

local known = {}
for i = 5, #ARGV do known[ARGV[i]] = true end
local out, count, size = {0}, 0, 0
local runs = call('HGETALL', own)
for r = 1, #runs, 2 do
  if not known[runs[r]] then
    local ids = cmsgpack.unpack(runs[r + 1])
    if count > 0 and (count + #ids > 1000 or size > 4194304) then
      out[1] = 1
      break
    end
    local bodies = call('HMGET', K .. 'b', unpack(ids))
    for _, body in ipairs(bodies) do size = size + #body end
    count = count + #ids
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = runs[r], (call('HGET', K .. 'c', ids[1]) or 0) + 1, ids, bodies
  end
end
return out
