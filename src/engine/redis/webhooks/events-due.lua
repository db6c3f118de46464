-- Reads the milliseconds until the next event is due, and sets when the sweep looks for that event.
-- KEYS: due, events, deadlines.
-- ARGV: 1 `1` if the oldest pending event of each user becomes due now, because no node delivers it, else empty; 2 the milliseconds after
--   which the sweep looks for the app's events if the calling node does not deliver them (empty if it does, `never` if no node does).
-- Returns the milliseconds, or -1 if no event is pending.
if arg(1) == '1' then
  for _, seq in ipairs(call('ZRANGEBYSCORE', K.due, '(' .. string.format('%.0f', now), '+inf')) do call('ZADD', K.due, now, seq) end
end
local delay = next_due()
if arg(2) == 'never' then
  call('ZREM', K.deadlines, events_member())
elseif delay >= 0 and optional(2) then
  call('ZADD', K.deadlines, now + tonumber(arg(2)), events_member())
end
return { delay }
