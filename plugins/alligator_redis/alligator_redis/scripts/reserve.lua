-- uses: common promote give_back lines
-- Take messages from the queues KEYS, in this order. ARGV: limit, lease in ms, ms to wait if there is none, whether
-- this consumer waited before, how many the batch has already, then for each queue its name there and whether it has
-- that name from earlier.
-- Returns {ms until something may become ready, for each run: number of the queue, first place, deliveries, ids, bodies}
-- or the number of a queue in which the consumer had been declared dead.
local limit, lease = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait, waited = tonumber(ARGV[3]), ARGV[4] == '1'
local now = clock()
local got, out, queues = tonumber(ARGV[5]), {0}, (#ARGV - 5) / 2
local is_heavy = false

-- Write down that the consumer holds a run, and add it to what is returned. What has no body is left out.
local function hold(q, consumer, place, ids, deliveries, is_fresh)
  local K = KEYS[q]
  local bodies = call('HMGET', K .. 'b', unpack(ids))
  for i = 1, #ids do
    if not bodies[i] then
      local before, after = {}, {}
      for j = 1, i - 1 do before[j] = ids[j] end
      for j = i + 1, #ids do after[j - i] = ids[j] end
      if #before > 0 then hold(q, consumer, place, before, deliveries, is_fresh) end
      if #after > 0 then hold(q, consumer, place + i, after, deliveries, is_fresh) end
      return
    end
  end
  local field = is_fresh and whole(place) or again(K, place)
  call('HSET', K .. 'h:' .. consumer, field, cmsgpack.pack(ids))
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = q, field, deliveries, ids, bodies
  got = got + #ids
end

-- How many of a list may be taken, so that a batch of large bodies stays near 8 MB: by a sample of them.
local function fitting(K, priority, count)
  local list = K .. 'r' .. priority
  local length, total = math.min(count, call('LLEN', list)), 0
  if length <= 16 then return count end
  for i = 0, 7 do
    local id = call('LINDEX', list, math.floor(i * (length - 1) / 7))
    if not id then return count end
    total = total + call('HSTRLEN', K .. 'b', id)
  end
  return math.max(1, math.min(count, math.floor(8388608 * 8 / math.max(1, total))))
end

local function take_fresh(q, consumer, priority, count)
  local K = KEYS[q]
  local fit = fitting(K, priority, count)
  is_heavy = fit < count
  count = fit
  local taken, runs, used = runs_of(K, priority, count)
  if taken == 0 then return 0 end
  for _, run in ipairs(runs) do
    hold(q, consumer, (9 - priority) * LANE + run[1], run[2], 1, true)
  end
  leave(K, priority, taken, used)
  return taken
end

local function take_returned(q, consumer, entries)
  local K = KEYS[q]
  local ids, first
  for i = 1, #entries, 2 do
    local place = tonumber(entries[i + 1])
    if ids and place == first + #ids then
      ids[#ids + 1] = entries[i]
    else
      if ids then hold(q, consumer, first, ids, 1) end
      ids, first = {entries[i]}, place
    end
  end
  hold(q, consumer, first, ids, 1)
  for i = 1, #entries, 2 do call('ZREM', K .. 'u', entries[i]) end
end

-- All of one priority in its order; true if nothing more may be added to the batch.
local function take_lane(q, consumer, priority, returned, redelivered)
  local K = KEYS[q]
  local low, high = (9 - priority) * LANE, '(' .. whole((10 - priority) * LANE)
  if redelivered then
    local first = call('ZRANGEBYSCORE', K .. 'x', low, high, 'WITHSCORES', 'LIMIT', 0, 1)
    if #first > 0 then
      if got == 0 then
        local deliveries = tonumber(call('HGET', K .. 'c', first[1]) or 1) + 1
        hold(q, consumer, tonumber(first[2]), {first[1]}, deliveries)
        call('ZREM', K .. 'x', first[1])
      end
      if got > 0 then return true end
    end
  end
  while got < limit do
    local room = limit - got
    if returned then
      local left = low + tonumber(call('HGET', K .. 'n', priority) or 0)
      local entries = call('ZRANGEBYSCORE', K .. 'u', low, whole(left), 'WITHSCORES', 'LIMIT', 0, room)
      if #entries > 0 then
        take_returned(q, consumer, entries)
        room = 0
      else
        local later = call('ZRANGEBYSCORE', K .. 'u', low, high, 'WITHSCORES', 'LIMIT', 0, 1)
        if #later > 0 then
          local gap = tonumber(later[2]) - left - 1
          if gap > 0 and take_fresh(q, consumer, priority, math.min(room, gap)) > 0 then
            room = 0
          else
            take_returned(q, consumer, later)
            room = 0
          end
        end
      end
    end
    if room > 0 and take_fresh(q, consumer, priority, room) == 0 then break end
    if is_heavy then return true end
  end
  return got >= limit
end

local function take(q, consumer)
  local K = KEYS[q]
  local r = K .. 'r'
  local redelivered, returned = call('EXISTS', K .. 'x') == 1, call('EXISTS', K .. 'u') == 1
  if redelivered or returned or call('EXISTS', r .. '9', r .. '8', r .. '7', r .. '6') > 0 then
    for priority = 9, 6, -1 do
      if take_lane(q, consumer, priority, returned, redelivered) then return true end
    end
  end
  if take_lane(q, consumer, 5, returned, redelivered) then return true end
  if redelivered or returned or call('EXISTS', r .. '4', r .. '3', r .. '2', r .. '1', r .. '0') > 0 then
    for priority = 4, 0, -1 do
      if take_lane(q, consumer, priority, returned, redelivered) then return true end
    end
  end
  return false
end

for q = 1, queues do
  local K = KEYS[q]
  local consumer = ARGV[4 + 2 * q]
  local is_new = call('ZADD', K .. 'l', now + lease, consumer) == 1
  if is_new and ARGV[5 + 2 * q] == '1' then
    call('ZREM', K .. 'l', consumer)
    return q
  end
  if waited then
    call('ZREM', K .. 'w', consumer)
    call('DEL', K .. 'w:' .. consumer)
  end
end
for q = 1, queues do
  local K = KEYS[q]
  want('hash', K .. 'n')
  reap(K, now)
  if call('EXISTS', K .. 'd') == 1 then promote(K, now) end
  if take(q, ARGV[4 + 2 * q]) then break end
end
if #out > 1 then
  for q = 1, queues do
    local K = KEYS[q]
    -- Whoever was woken took what it could: let others have the rest, and wait for what is due soon.
    if call('EXISTS', K .. 'w') == 1 then
      local soon = call('ZCOUNT', K .. 'd', '-inf', now + 1000)
      if soon > 0 or call('EXISTS', K .. 'r5', K .. 'x', K .. 'u') > 0 then wake(K, 1, now) end
    end
  end
  return out
end
local soonest = now + 3600000
for q = 1, queues do
  local K = KEYS[q]
  for _, key in ipairs({'d', 'l'}) do
    local first = call('ZRANGE', K .. key, 0, 0, 'WITHSCORES')
    if #first > 0 then soonest = math.min(soonest, tonumber(first[2])) end
  end
  if wait > 0 then call('ZADD', K .. 'w', now + wait, ARGV[4 + 2 * q]) end
end
out[1] = math.max(0, math.ceil(soonest - now))
return out
