-- Take a purse away that nobody has used for a while and in which no call is open; nothing of it can be spent any more.
-- KEYS: epoch, purse, open calls, leases credited, events (stream)   ARGV: 1 epoch, 2 not used since (ms)
-- gives the last event's id ("0-0" if there was none yet), or false
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('HLEN', KEYS[3]) > 0 then return false end
local at = tonumber(redis.call('HGET', KEYS[2], 'at'))
if at and at > tonumber(ARGV[2]) then return false end
redis.call('DEL', KEYS[2], KEYS[4])
if redis.call('EXISTS', KEYS[5]) == 0 then return '0-0' end
local info = redis.call('XINFO', 'STREAM', KEYS[5])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then return info[i + 1] end
end
return '0-0'
