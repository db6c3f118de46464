-- Counts the pending events.
-- KEYS: events, pending.
-- ARGV: none.
-- Returns their number, and when the oldest of them happened or false.
local seq = call('ZRANGE', K.pending, 0, 0)[1]
return { call('ZCARD', K.pending), seq and cjson.decode(call('HGET', K.events, seq)).at or false }
