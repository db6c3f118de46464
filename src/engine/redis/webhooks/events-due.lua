-- Reads in how many milliseconds the next event is due, and sets when the sweep looks for it.
-- KEYS: due, events, deadlines.
-- ARGV: 1 `1` if no node delivers events: then the oldest pending event of each user is due now; 2 if the calling node does not
--   deliver the app's events: milliseconds after which the sweep looks for them; empty if it does.
-- Returns the milliseconds, or -1.
if arg(1) == '1' then
  for _, seq in ipairs(call('ZRANGEBYSCORE', K.due, '(' .. string.format('%.0f', now), '+inf')) do call('ZADD', K.due, now, seq) end
end
local delay = next_due()
if delay >= 0 and optional(2) then call('ZADD', K.deadlines, now + tonumber(arg(2)), events_member()) end
return { delay }
