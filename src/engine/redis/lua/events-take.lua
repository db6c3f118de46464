-- Returns events that are due, and leases them.
local found = {}
for _, seq in ipairs(call('ZRANGEBYSCORE', K.due, '-inf', now, 'LIMIT', 0, arg(1))) do
  call('ZADD', K.due, now + tonumber(arg(2)), seq)
  found[#found + 1] = call('HGET', K.events, seq)
  found[#found + 1] = outcome_of(seq)
end
return reply(next_due(), unpack(found))
