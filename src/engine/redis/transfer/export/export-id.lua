-- Reads the value of a message's id, or of an own copy.
-- KEYS: id; or own.
-- ARGV: none.
-- Returns the value, and for how many milliseconds it is kept.
-- The name of the key has the kind that the step gives.
return reply(call('GET', K.id), call('PTTL', K.id))
