-- Make ready what is due, up to 1000 at a time; true if there may be more.
local function promote_some(K, now)
  local due = call('ZRANGEBYSCORE', K .. 'd', '-inf', now, 'LIMIT', 0, 1000)
  if #due == 0 then return false end
  local priorities, deaths = look_up(K .. 'p', due), look_up(K .. 'c', due)
  local lanes = {}
  want('zset', K .. 'x')
  want('hash', K .. 'n')
  for i, id in ipairs(due) do
    local priority = tonumber(priorities[i] or 5)
    if deaths[i] then
      want('list', K .. 'r' .. priority)
      call('ZADD', K .. 'x', last_place(K, priority), id)
    else
      if not lanes[priority] then
        want('list', K .. 'r' .. priority)
        lanes[priority] = {}
      end
      table.insert(lanes[priority], id)
    end
  end
  for priority, ids in pairs(lanes) do
    call('RPUSH', K .. 'r' .. priority, unpack(ids))
  end
  call('ZREM', K .. 'd', unpack(due))
  return #due == 1000
end

local function promote(K, now)
  for _ = 1, 10 do
    if not promote_some(K, now) then return end
  end
end
