-- A Redis that has (re)started knows nothing for certain: forget what an earlier run of it lent out. Events stay.
-- KEYS: epoch, due, since (ms)   ARGV: 1 run of this Redis, 2 prefix of purses, 3 of open calls, 4 of leases credited, 5 of keys' counters
if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
for _, prefix in ipairs({ARGV[2], ARGV[3], ARGV[4], ARGV[5]}) do
  for _, name in ipairs(redis.call('KEYS', prefix .. '*')) do redis.call('DEL', name) end
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1])
local t = redis.call('TIME')
redis.call('SET', KEYS[3], t[1] .. string.format('%03d', math.floor(t[2] / 1000)))
return 1
