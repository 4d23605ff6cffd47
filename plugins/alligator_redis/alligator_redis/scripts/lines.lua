-- The first ids of a list, up to `count`, as runs {number of the first, ids} without those that were taken out of turn.
-- They are only read; `leave` takes them off.
local function runs_of(K, priority, count)
  local ids = call('LRANGE', K .. 'r' .. priority, 0, count - 1)
  local first = tonumber(call('HGET', K .. 'n', priority) or 0) + 1
  if #ids == 0 or call('EXISTS', K .. 't') == 0 then return #ids, {{first, ids}}, {} end
  local runs, run, gone, used = {}, nil, {}, {}
  for i, id in ipairs(ids) do
    local field = priority .. ':' .. id
    if not gone[field] then gone[field] = tonumber(call('HGET', K .. 't', field) or 0) end
    if (used[field] or 0) < gone[field] then
      used[field] = (used[field] or 0) + 1
      run = nil
    else
      if not run then
        run = {first + i - 1, {}}
        table.insert(runs, run)
      end
      table.insert(run[2], id)
    end
  end
  return #ids, runs, used
end

-- Take the first `count` entries off a list; `used` says how many of them by id had been taken out of turn.
local function leave(K, priority, count, used)
  for field, number in pairs(used) do
    if call('HINCRBY', K .. 't', field, -number) == 0 then call('HDEL', K .. 't', field) end
    if call('HINCRBY', K .. 't', priority, -number) == 0 then call('HDEL', K .. 't', priority) end
  end
  call('HINCRBY', K .. 'n', priority, count)
  call('LTRIM', K .. 'r' .. priority, count, -1)
end

-- Note that one entry of a list no longer counts; rewrite the list when most of it is such entries.
local function take_out(K, priority, id)
  call('HINCRBY', K .. 't', priority .. ':' .. id, 1)
  local gone = call('HINCRBY', K .. 't', priority, 1)
  local length = call('LLEN', K .. 'r' .. priority)
  if gone < 64 or gone * 2 < length then return end
  local left = {}
  local total = length
  while total > 0 do
    local count, runs, used = runs_of(K, priority, 1000)
    for _, run in ipairs(runs) do
      for _, kept in ipairs(run[2]) do table.insert(left, kept) end
    end
    leave(K, priority, count, used)
    total = total - count
  end
  -- Their numbers begin again where they began before, so that what stands in u keeps its place among them.
  call('HINCRBY', K .. 'n', priority, -length)
  for i = 1, #left, 1000 do
    call('RPUSH', K .. 'r' .. priority, unpack(left, i, math.min(i + 999, #left)))
  end
end
