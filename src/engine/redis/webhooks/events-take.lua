-- Takes events that are due. Leases them: until the lease ends, they are not due.
-- KEYS: due, events, deadlines.
-- ARGV: 1 how many events at most; 2 the lease in milliseconds.
-- Returns milliseconds until the next event is due, or -1 if none is pending; and for each event its JSON, and the outcome of its
--   deliveries so far.
local found = {}
for _, seq in ipairs(call('ZRANGEBYSCORE', K.due, '-inf', now, 'LIMIT', 0, arg(1))) do
  call('ZADD', K.due, now + tonumber(arg(2)), seq)
  push(found, call('HGET', K.events, seq), outcome_of(seq))
end
return reply_list(found, next_due())
