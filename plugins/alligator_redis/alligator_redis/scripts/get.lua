-- uses: common give_back lines find
-- Reserve one waiting message by its id. ARGV: id, consumer, lease in ms, whether it has that name from earlier.
-- Returns {place, deliveries, body}, nil if it doesn't wait, 0 if the consumer had been declared dead.
local K, id, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = clock()
if call('ZADD', K .. 'l', now + ARGV[3], consumer) == 1 and ARGV[4] == '1' then
  call('ZREM', K .. 'l', consumer)
  return 0
end
reap(K, now)
local where, score = find(K, id)
if not where or where == 'h' then return false end
local priority = tonumber(call('HGET', K .. 'p', id) or 5)
want('hash', K .. 't', K .. 'c', K .. 'n')
local place = score
if where == 'r' then
  -- Counted from the head, where it can be found fast; a place near the end is as good for one that comes back.
  local index = call('LPOS', K .. 'r' .. priority, id, 'RANK', 1 + (call('HGET', K .. 't', priority .. ':' .. id) or 0))
  place = last_place(K, priority) - call('LLEN', K .. 'r' .. priority) + (index or 0)
  take_out(K, priority, id)
elseif where == 'd' then
  place = last_place(K, priority)
end
if where ~= 'r' then call('ZREM', K .. where, id) end
local field = again(K, place)
call('HSET', K .. 'h:' .. consumer, field, cmsgpack.pack({id}))
return {field, (call('HGET', K .. 'c', id) or 0) + 1, call('HGET', K .. 'b', id)}
