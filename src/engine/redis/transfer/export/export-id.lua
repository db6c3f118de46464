-- Reads the value of a message's id, or of an own copy.
-- KEYS: id; or own.
-- ARGV: none.
-- Returns the value, and for how many milliseconds it is kept.
local key = K.id or K.own
return reply(call('GET', key), call('PTTL', key))
