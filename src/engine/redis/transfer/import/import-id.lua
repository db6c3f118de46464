-- Stores the value of a message's id, of an own copy, or of an adopted guest.
-- KEYS: id; or own; or adopted.
-- ARGV: 1 the value; 2 for how many milliseconds it is kept.
-- Returns nothing.
-- `K.id` is the hashed key of the step that runs this script, whatever the kind of the key.
call('SET', K.id, arg(1), 'PX', arg(2))
return reply()
