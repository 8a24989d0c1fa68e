-- Money or tokens of a lease come into the purse, once.
-- KEYS: epoch, purse, leases credited (set)   ARGV: 1 epoch, 2 lease, 3 field, 4 amount, 5 now ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('SADD', KEYS[3], ARGV[2]) == 1 then
  redis.call('HINCRBY', KEYS[2], ARGV[3], tonumber(ARGV[4]))
  redis.call('HSET', KEYS[2], 'at', ARGV[5])
end
return 1
