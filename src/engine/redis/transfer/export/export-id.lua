-- Reads the value of a message's id, or of an own copy (the sender's copy of a message).
-- KEYS: id; or own.
-- ARGV: none.
-- Returns the value, and for how many milliseconds it is kept.
-- `K.id` is the hashed key of the step that runs this script, whatever the kind of the key.
return reply(call('GET', K.id), call('PTTL', K.id))
