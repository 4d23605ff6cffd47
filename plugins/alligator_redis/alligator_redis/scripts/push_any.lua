-- uses: common promote
-- Any messages. ARGV: id, body, priority, delay in ms …
local K = KEYS[1]
local now = clock()
local count, ready = 0, 0
want('hash', K .. 'b', K .. 'p')
want('zset', K .. 'd')
want('list', K .. 'r0', K .. 'r1', K .. 'r2', K .. 'r3', K .. 'r4', K .. 'r5', K .. 'r6', K .. 'r7', K .. 'r8', K .. 'r9')
promote(K, now)
for i = 1, #ARGV, 4 do
  local id, body, priority, delay = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  if call('HSETNX', K .. 'b', id, body) == 1 then
    count = count + 1
    if priority ~= '5' then call('HSET', K .. 'p', id, priority) end
    if delay > 0 then
      call('ZADD', K .. 'd', now + delay, id)
    else
      call('RPUSH', K .. 'r' .. priority, id)
      ready = ready + 1
    end
  end
end
-- A consumer that waits looks again when the first one is due: tell one of a change of that.
if ready == 0 and count > 0 then ready = 1 end
wake(K, ready, now)
return count
