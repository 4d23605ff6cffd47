-- uses: common promote
-- Carry out what became of deliveries. ARGV: consumer, cap and age in ms of the dead letters, then operations:
--   A place count index …           ack those of a run; count 0: all of it
--   R place index id delay died     release
--   P place index id id body priority delay     replace
--   B place index id reason deliveries has_body body     bury
-- Returns nothing, or what came too late: {whether the consumer is alive, number of the operation, which of the
-- indexes of an A or 0 for all, …}.
local K, consumer = KEYS[1], ARGV[1]
local held = K .. 'h:' .. consumer
local stale, opened = {}, {}
local done, ready = {}, 0
local now

local function open(place)
  if opened[place] == nil then
    local packed = call('HGET', held, place)
    opened[place] = packed and cmsgpack.unpack(packed) or false
  end
  return opened[place]
end

-- Remove a message from its run; false if it isn't there any more.
local function let_go(place, index, id)
  local run = open(place)
  if not run or run[index] ~= id then return false end
  run[index] = false
  return true
end

local function forget(key, ids)
  if call('EXISTS', K .. key) == 1 then
    for i = 1, #ids, 1000 do call('HDEL', K .. key, unpack(ids, i, math.min(i + 999, #ids))) end
  end
end

local function line_up(id, priority, delay, place)
  if delay > 0 then
    call('ZADD', K .. 'd', now + delay, id)
    ready = math.max(ready, 1)
    return
  end
  ready = ready + 1
  if not place then
    call('RPUSH', K .. 'r' .. priority, id)
  elseif call('HEXISTS', K .. 'c', id) == 1 then
    call('ZADD', K .. 'x', place, id)
  else
    call('ZADD', K .. 'u', place, id)
  end
end

local function bury(id, reason, deliveries, has_body, body, place)
  if not has_body then body = call('HGET', K .. 'b', id) or '' end
  local number = call('HINCRBY', K .. 'n', 'buried', 1)
  local letter = cmsgpack.pack({body, reason, deliveries, whole(now), priority_of(place)})
  call('HSET', K .. 'D', id, letter)
  call('ZADD', K .. 'Z', number, id)
  done[#done + 1] = id
end

local function trim(cap, age)
  for _ = 1, 100 do
    local first = call('ZRANGE', K .. 'Z', 0, 0)
    if #first == 0 then return end
    local letter = call('HGET', K .. 'D', first[1])
    local buried_at = letter and tonumber(cmsgpack.unpack(letter)[4]) or 0
    if call('ZCARD', K .. 'Z') <= cap and buried_at + age > now then return end
    call('ZREM', K .. 'Z', first[1])
    call('HDEL', K .. 'D', first[1])
  end
end

want('hash', K .. 'b', held)
local i, number, buried = 4, 0, false
while ARGV[i] == 'A' do
  local place, count = ARGV[i + 1], tonumber(ARGV[i + 2])
  local run = open(place)
  number = number + 1
  if count == 0 then
    if not run then
      stale[#stale + 1] = number
      stale[#stale + 1] = 0
    else
      local n = #done
      for _, id in ipairs(run) do
        if id then
          n = n + 1
          done[n] = id
        end
      end
      opened[place] = {}
    end
  else
    for a = i + 3, i + 2 + count do
      local index = tonumber(ARGV[a])
      if run and run[index] then
        done[#done + 1] = run[index]
        run[index] = false
      else
        stale[#stale + 1] = number
        stale[#stale + 1] = a - i - 2
      end
    end
  end
  i = i + 3 + count
end
if i <= #ARGV then
  now = clock()
  want('zset', K .. 'd', K .. 'x', K .. 'u', K .. 'Z')
  want('hash', K .. 'p', K .. 'c', K .. 'n', K .. 'D', K .. 's')
  want('list', K .. 'r0', K .. 'r1', K .. 'r2', K .. 'r3', K .. 'r4', K .. 'r5', K .. 'r6', K .. 'r7', K .. 'r8', K .. 'r9')
  promote(K, now)
end
while i <= #ARGV do
  local kind, place, index, id = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  number = number + 1
  if not let_go(place, index, id) then
    stale[#stale + 1] = number
    stale[#stale + 1] = 0
  elseif kind == 'R' then
    if ARGV[i + 5] == '1' then call('HINCRBY', K .. 'c', id, 1) end
    line_up(id, priority_of(first_place(place)), tonumber(ARGV[i + 4]), first_place(place) + index - 1)
  elseif kind == 'P' then
    local other, priority = ARGV[i + 4], ARGV[i + 6]
    call('HDEL', K .. 'b', id)
    call('HDEL', K .. 'c', id)
    call('HDEL', K .. 'p', id)
    call('HDEL', K .. 's', id)
    if call('HSETNX', K .. 'b', other, ARGV[i + 5]) == 1 then
      if priority ~= '5' then call('HSET', K .. 'p', other, priority) end
      line_up(other, priority, tonumber(ARGV[i + 7]), nil)
    end
  else
    bury(id, ARGV[i + 4], tonumber(ARGV[i + 5]), ARGV[i + 6] == '1', ARGV[i + 7], first_place(place))
    buried = true
  end
  i = i + ((kind == 'R') and 6 or 8)
end
for place, run in pairs(opened) do
  if run then
    local left = false
    for _, id in ipairs(run) do
      if id then left = true break end
    end
    if left then
      call('HSET', held, place, cmsgpack.pack(run))
    else
      call('HDEL', held, place)
    end
  end
end
for start = 1, #done, 1000 do
  call('HDEL', K .. 'b', unpack(done, start, math.min(start + 999, #done)))
end
if #done > 0 and call('EXISTS', K .. 'c', K .. 'p', K .. 's') > 0 then
  forget('c', done)
  forget('p', done)
  forget('s', done)
end
if buried then trim(tonumber(ARGV[2]), tonumber(ARGV[3])) end
if ready > 0 then wake(K, ready, now) end
if #stale > 0 then table.insert(stale, 1, call('ZSCORE', K .. 'l', consumer) and 1 or 0) end
return stale
