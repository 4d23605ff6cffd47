-- What the scripts share. Each script sees the keys of a queue as K .. suffix:
--   b  hash: id -> body, of all that wait or are reserved       p  hash: id -> priority, where it isn't 5
--   r0 … r9  lists: ready ids by priority, oldest first         n  hash: priority -> how many ids left its list so far
--   u  zset: ready again at their old place                     x  zset: ready again, their worker died
--   d  zset: delayed, by due time                               c  hash: id -> deaths of its workers
--   t  hash: entries of the lists that were taken out of turn   l  zset: consumers, by the end of their lease
--   w  zset: consumers that wait, by until when                 w:CONSUMER  list: what wakes it
--   h:CONSUMER  hash: place of the first -> packed ids, for each run of messages that it took; with a slash and a
--               number for those that may come again, which didn't come fresh from their list
--   D  hash: id -> packed dead letter                           Z  zset: dead letters in the order of burying
--   s  hash: id -> 1, where whoever holds it is asked to stop
-- A CONSUMER is 16 characters, after HOLDER/ where it is for a process that has such a name.
-- A place is (9 - priority) * LANE + the number of the message in its list: what u, x and h sort by.
-- A script that fails is not rolled back: look at types (want) before the first write.
local call = redis.call
local LANE = 562949953421312

local function clock()
  local time = call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

local function whole(number)
  return string.format('%.0f', number)
end

local function want(kind, ...)
  for _, key in ipairs({...}) do
    local found = call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then
      error('FOREIGN ' .. found .. ' instead of ' .. kind .. ' in the key ' .. key)
    end
  end
end

-- A name for a run of a place that may have one already.
local function again(K, place)
  return whole(place) .. '/' .. call('HINCRBY', K .. 'n', 'runs', 1)
end

local function first_place(field)
  return tonumber(string.match(field, '^%d+'))
end

local function priority_of(place)
  return 9 - math.floor(place / LANE)
end

local function wake(K, count, now)
  if call('EXISTS', K .. 'w') == 0 then return end
  while count > 0 do
    local first = call('ZPOPMIN', K .. 'w')
    if #first == 0 then return end
    if tonumber(first[2]) > now then
      call('RPUSH', K .. 'w:' .. first[1], '1')
      call('PEXPIRE', K .. 'w:' .. first[1], '10000')
      count = count - 1
    end
  end
end

-- Values of the fields of a hash; an empty table where there is no such hash.
local function look_up(key, fields)
  if call('EXISTS', key) == 0 then return {} end
  return call('HMGET', key, unpack(fields))
end

-- Where a message would stand that comes last in the line of its priority now.
local function last_place(K, priority)
  local left = tonumber(call('HGET', K .. 'n', priority) or 0)
  return (9 - priority) * LANE + left + call('LLEN', K .. 'r' .. priority) + 1
end
