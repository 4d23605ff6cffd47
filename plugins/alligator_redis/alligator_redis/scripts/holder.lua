-- The consumers of a holder: their names begin with its, and end in a slash and 16 characters of their own.
local function consumers_of(K, holder)
  local found = {}
  for _, consumer in ipairs(call('ZRANGE', K .. 'l', 0, -1)) do
    if #consumer == #holder + 17 and string.sub(consumer, 1, #holder + 1) == holder .. '/' then
      found[#found + 1] = consumer
    end
  end
  return found
end
