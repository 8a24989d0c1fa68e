-- Give back what a call did not need and hand its event to the meter. A call that is not open any more only hands over.
-- KEYS: purse, open calls, due, events (stream)
-- ARGV: 1 call, 2 company, 3 micro-yuan used, 4 pack tokens used, 5 tokens used, 6 event, 7 now ms
local used, packed, tokens = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if not used or not packed or not tokens or used < 0 or packed < 0 then return redis.error_reply('bad amounts') end
local open = redis.call('HGET', KEYS[2], ARGV[1])
if open then
  local r = cjson.decode(open)
  if used > r.uy or packed > r.pack then return redis.error_reply('above what was reserved') end
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[2] .. ' ' .. ARGV[1])
  if r.uy > used then redis.call('HINCRBY', KEYS[1], 'uy', r.uy - used) end
  if r.pack > packed then redis.call('HINCRBY', KEYS[1], r.field, r.pack - packed) end
  redis.call('HSET', KEYS[1], 'at', ARGV[7])
  local counted = redis.call('HMGET', r.key, 'period', 'minute')
  if r.period ~= '' and counted[1] == r.period then redis.call('HINCRBY', r.key, 'spent', used - r.uy) end
  if counted[2] == r.minute then redis.call('HINCRBY', r.key, 'tokens', tokens - r.asked) end
end
redis.call('XADD', KEYS[4], '*', 'e', ARGV[6])
return open and 1 or 0
