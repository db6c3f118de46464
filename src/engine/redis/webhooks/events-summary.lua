-- Counts the pending events.
-- KEYS: events, pending.
-- ARGV: none.
-- Returns the number of pending events; and when the oldest of these happened, or false if there is none.
local seq = call('ZRANGE', K.pending, 0, 0)[1]
return { call('ZCARD', K.pending), seq and members_of(call('HGET', K.events, seq)).at or false }
