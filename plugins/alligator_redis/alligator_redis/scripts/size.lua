-- uses: common
-- Returns {ready, delayed, reserved, dead}.
local K = KEYS[1]
local ready = call('ZCARD', K .. 'u') + call('ZCARD', K .. 'x')
for priority = 0, 9 do ready = ready + call('LLEN', K .. 'r' .. priority) end
if call('EXISTS', K .. 't') == 1 then
  for priority = 0, 9 do ready = ready - tonumber(call('HGET', K .. 't', priority) or 0) end
end
local due, delayed = 0, call('ZCARD', K .. 'd')
if delayed > 0 then due = call('ZCOUNT', K .. 'd', '-inf', clock()) end
local reserved = call('HLEN', K .. 'b') - ready - delayed
return {ready + due, delayed - due, reserved, call('HLEN', K .. 'D')}
