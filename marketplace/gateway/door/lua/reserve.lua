-- Limits of the key, then tokens of a pack and money for the worst case, all or nothing. Integers only.
-- KEYS: epoch, purse (hash: uy, pack fields, at), open calls (hash), due (sorted set), the key's counters (hash)
-- ARGV: 1 epoch, 2 call, 3 now ms, 4 due ms, 5 minute, 6 pack field or "", 7 most input, 8 most output, 9 least output,
--       10 dearest input, 11 dearest output (micro-yuan a million), 12 calls a minute or 0, 13 tokens a minute or 0,
--       14 cap micro-yuan or -1, 15 period, 16 spent in it as the books know (or "" if not asked yet),
--       17 process, 18 company, 19 what the meter is told if nobody settles (JSON), 20 "1": rather refuse than cut short
-- gives {1, uy, pack tokens, most output} or {0, why, number}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, 'epoch', 0} end
local n = {}
for _, i in ipairs({3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14}) do
  n[i] = tonumber(ARGV[i])
  if not n[i] or n[i] ~= math.floor(n[i]) then return {0, 'bad', i} end
end
local counted = redis.call('HMGET', KEYS[5], 'minute', 'calls', 'tokens', 'period', 'spent')
local this_minute = counted[1] == ARGV[5]
local calls = this_minute and tonumber(counted[2]) or 0
local tokens = this_minute and tonumber(counted[3]) or 0
local asked = n[7] + n[8]
if (n[12] > 0 and calls >= n[12]) or (n[13] > 0 and tokens > 0 and tokens + asked > n[13]) then
  return {0, 'rate', 60000 - n[3] % 60000}
end
local spent = 0
if n[14] >= 0 then
  if counted[4] == ARGV[15] then spent = tonumber(counted[5])
  elseif ARGV[16] == '' then return {0, 'spent', 0}
  else spent = tonumber(ARGV[16]) end
end
local purse = redis.call('HMGET', KEYS[2], 'uy', ARGV[6] == '' and '-' or ARGV[6])
local money, pack = tonumber(purse[1]) or 0, tonumber(purse[2]) or 0
local function cost(output)
  local free = math.min(pack, n[7] + output)
  local input_left = math.max(0, n[7] - free)
  local output_left = output - math.max(0, free - n[7])
  return math.ceil((input_left * n[10] + output_left * n[11]) / 1000000), free
end
local output = n[8]
local uy, free = cost(output)
local room = n[14] >= 0 and math.min(money, n[14] - spent) or money
if uy > room then
  local why = money < uy and 'short' or 'cap'
  local least = cost(n[9])
  if why == 'short' and ARGV[20] == '1' then return {0, 'short', money} end
  if least > room then return {0, n[14] >= 0 and n[14] - spent < least and money >= least and 'cap' or 'short', money} end
  local lo, hi = n[9], n[8]
  while lo < hi do
    local mid = math.ceil((lo + hi) / 2)
    if cost(mid) <= room then lo = mid else hi = mid - 1 end
  end
  output = lo
  uy, free = cost(output)
end
redis.call('HSET', KEYS[5], 'minute', ARGV[5], 'calls', calls + 1, 'tokens', tokens + n[7] + output)
if n[14] >= 0 then redis.call('HSET', KEYS[5], 'period', ARGV[15], 'spent', spent + uy) end
if uy > 0 then redis.call('HINCRBY', KEYS[2], 'uy', -uy) end
if free > 0 then redis.call('HINCRBY', KEYS[2], ARGV[6], -free) end
redis.call('HSET', KEYS[2], 'at', ARGV[3])
local record = cjson.encode({uy = uy, pack = free, field = ARGV[6], proc = ARGV[17], key = KEYS[5],
  period = n[14] >= 0 and ARGV[15] or '', minute = ARGV[5], asked = n[7] + output, lost = ARGV[19]})
redis.call('HSET', KEYS[3], ARGV[2], record)
redis.call('ZADD', KEYS[4], n[4], ARGV[18] .. ' ' .. ARGV[2])
return {1, uy, free, output}
