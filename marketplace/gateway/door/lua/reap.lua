-- Settle calls that nobody settled: past their time, or of a process whose heart stopped. They come to what was written
-- when they began (their input at its price).
-- KEYS: due, events (stream)
-- ARGV: 1 now ms, 2 prefix of purses, 3 of open calls, 4 of hearts, 5 how many to look at
local found = 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1, 'WITHSCORES')) do
  local company, call = string.match(member, '^(%S+) (%S+)$')
  if company then
    local open, purse = ARGV[3] .. company, ARGV[2] .. company
    local text = redis.call('HGET', open, call)
    local r = text and cjson.decode(text)
    local due = tonumber(redis.call('ZSCORE', KEYS[1], member))
    if not r then
      redis.call('ZREM', KEYS[1], member)
    elseif due <= tonumber(ARGV[1]) or redis.call('EXISTS', ARGV[4] .. r.proc) == 0 then
      local lost = cjson.decode(r.lost)
      local used, packed = math.min(r.uy, lost.charge_uy), math.min(r.pack, lost.pack_tokens)
      lost.charge_uy, lost.pack_tokens, lost.reserved_uy = used, packed, r.uy
      redis.call('HDEL', open, call)
      redis.call('ZREM', KEYS[1], member)
      if r.uy > used then redis.call('HINCRBY', purse, 'uy', r.uy - used) end
      if r.pack > packed then redis.call('HINCRBY', purse, r.field, r.pack - packed) end
      if r.period ~= '' and redis.call('HGET', r.key, 'period') == r.period then
        redis.call('HINCRBY', r.key, 'spent', used - r.uy)
      end
      redis.call('XADD', KEYS[2], '*', 'e', cjson.encode(lost))
      found = found + 1
    end
  end
end
return found
