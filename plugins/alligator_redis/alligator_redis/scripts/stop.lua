-- uses: common find
-- Ask whoever holds a message to stop. ARGV: id. Returns whether somebody holds it.
local K, id = KEYS[1], ARGV[1]
if find(K, id) ~= 'h' then return 0 end
call('HSET', K .. 's', id, '1')
return 1
