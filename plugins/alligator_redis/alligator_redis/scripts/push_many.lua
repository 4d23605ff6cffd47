-- uses: common promote
-- Messages of one priority without delay, their ids all different. ARGV: priority, id, body, id, body …
local K = KEYS[1]
local priority = ARGV[1]
local ids = {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local known = call('HMGET', K .. 'b', unpack(ids))
want('list', K .. 'r' .. priority)
want('hash', K .. 'p')
local now = clock()
if call('EXISTS', K .. 'd') == 1 then promote(K, now) end
local is_new = true
for i = 1, #ids do
  if known[i] then is_new = false end
end
if is_new then
  call('HSET', K .. 'b', unpack(ARGV, 2))
else
  local all = ids
  ids = {}
  for i, id in ipairs(all) do
    if not known[i] then
      call('HSET', K .. 'b', id, ARGV[2 * i + 1])
      ids[#ids + 1] = id
    end
  end
end
if #ids == 0 then return 0 end
if priority ~= '5' then
  for _, id in ipairs(ids) do call('HSET', K .. 'p', id, priority) end
end
call('RPUSH', K .. 'r' .. priority, unpack(ids))
wake(K, #ids, now)
return #ids
