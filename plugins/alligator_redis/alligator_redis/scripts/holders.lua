-- uses: common
-- Returns the holders that hold something, each once.
local K = KEYS[1]
local found, known = {}, {}
for _, consumer in ipairs(call('ZRANGE', K .. 'l', 0, -1)) do
  local holder = string.sub(consumer, 1, -18)
  if holder ~= '' and not known[holder] and call('EXISTS', K .. 'h:' .. consumer) == 1 then
    known[holder] = true
    found[#found + 1] = holder
  end
end
return found
