-- One message of the usual priority, without delay. ARGV: id, body.
local call = redis.call
local K = KEYS[1]
if call('HSETNX', K .. 'b', ARGV[1], ARGV[2]) == 0 then return 0 end
local others = call('EXISTS', K .. 'w', K .. 'd')
if others > 0 then
  -- Slow: somebody waits, or something delayed may be due and come first.
  local time = call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local due = redis.pcall('ZRANGEBYSCORE', K .. 'd', '-inf', now, 'LIMIT', 0, 1)
  if #due > 0 then
    call('HDEL', K .. 'b', ARGV[1])
    return 2
  end
  local done = redis.pcall('RPUSH', K .. 'r5', ARGV[1])
  if type(done) == 'table' then
    call('HDEL', K .. 'b', ARGV[1])
    return done
  end
  while true do
    local first = redis.pcall('ZPOPMIN', K .. 'w')
    if not first[1] then return 1 end
    if tonumber(first[2]) > now then
      call('RPUSH', K .. 'w:' .. first[1], '1')
      call('PEXPIRE', K .. 'w:' .. first[1], '10000')
      return 1
    end
  end
end
local done = redis.pcall('RPUSH', K .. 'r5', ARGV[1])
if type(done) == 'table' then
  call('HDEL', K .. 'b', ARGV[1])
  return done
end
return 1
