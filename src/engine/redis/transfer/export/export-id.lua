-- Reads the value of a message's id, or of an own copy.
-- KEYS: id; or own.
-- ARGV: none.
-- Returns the value, and for how many milliseconds it is kept.
return reply(call('GET', KEYS[1]), call('PTTL', KEYS[1]))
