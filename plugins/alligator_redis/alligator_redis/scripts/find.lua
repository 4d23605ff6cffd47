-- Whether a consumer holds a message.
local function is_reserved(K, id)
  local packed_id = cmsgpack.pack(id)
  for _, consumer in ipairs(call('ZRANGE', K .. 'l', 0, -1)) do
    for _, packed in ipairs(call('HVALS', K .. 'h:' .. consumer)) do
      if string.find(packed, packed_id, 1, true) then
        for _, held in ipairs(cmsgpack.unpack(packed)) do
          if held == id then return true end
        end
      end
    end
  end
  return false
end

-- Where a message is: 'd', 'x', 'u', 'r' (ready in its list), 'h' (reserved) or nil; with the score it has there.
local function find(K, id)
  if call('HEXISTS', K .. 'b', id) == 0 then return nil end
  for _, key in ipairs({'d', 'x', 'u'}) do
    local score = call('ZSCORE', K .. key, id)
    if score then return key, tonumber(score) end
  end
  return is_reserved(K, id) and 'h' or 'r'
end
