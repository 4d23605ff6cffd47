-- Make all wait again that a consumer holds, and forget the consumer; `deaths` is 1 if it died.
local function give_back(K, consumer, deaths, now)
  local hold = K .. 'h:' .. consumer
  local runs = call('HGETALL', hold)
  local crashed = call('EXISTS', K .. 'c') == 1
  local count = 0
  want('zset', K .. 'x', K .. 'u', K .. 'w')
  want('hash', K .. 'c')
  for r = 1, #runs, 2 do
    for i, id in ipairs(cmsgpack.unpack(runs[r + 1])) do
      if id then
        local place = first_place(runs[r]) + i - 1
        if deaths > 0 then call('HINCRBY', K .. 'c', id, deaths) end
        local again = deaths > 0 or (crashed and call('HEXISTS', K .. 'c', id) == 1)
        call('ZADD', K .. (again and 'x' or 'u'), place, id)
        count = count + 1
      end
    end
  end
  call('DEL', hold, K .. 'w:' .. consumer)
  call('ZREM', K .. 'l', consumer)
  if call('EXISTS', K .. 'w') == 1 then
    call('ZREM', K .. 'w', consumer)
    wake(K, count, now)
  end
  return count
end

-- Hand back what those hold whose lease has run out.
local function reap(K, now)
  for _, consumer in ipairs(call('ZRANGEBYSCORE', K .. 'l', '-inf', now, 'LIMIT', 0, 20)) do
    give_back(K, consumer, 1, now)
  end
end
