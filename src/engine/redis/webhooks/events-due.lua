-- Reads in how many milliseconds the next event is due.
-- KEYS: due, events, deadlines.
-- ARGV: 1 `1` if no node delivers events: then all pending events are due now.
-- Returns the milliseconds, or -1.
if arg(1) == '1' then
  for _, seq in ipairs(call('ZRANGEBYSCORE', K.due, '(' .. string.format('%.0f', now), '+inf')) do call('ZADD', K.due, now, seq) end
end
return { next_due() }
