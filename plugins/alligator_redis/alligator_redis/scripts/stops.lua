-- uses: common
-- Which of the requests to stop are for what a consumer holds. ARGV: consumer, then ids of those that it has heard of,
-- to be forgotten. Returns ids.
local K, consumer = KEYS[1], ARGV[1]
if call('EXISTS', K .. 's') == 0 then return {} end
local wanted = {}
for _, id in ipairs(call('HKEYS', K .. 's')) do wanted[id] = true end
local heard = {}
for i = 2, #ARGV do heard[ARGV[i]] = true end
local found = {}
for _, packed in ipairs(call('HVALS', K .. 'h:' .. consumer)) do
  for _, id in ipairs(cmsgpack.unpack(packed)) do
    if id and wanted[id] then
      if heard[id] then call('HDEL', K .. 's', id) else found[#found + 1] = id end
    end
  end
end
return found
