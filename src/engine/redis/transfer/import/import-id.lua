-- Stores the value of a message's id, of an own copy, or of an adopted guest.
-- KEYS: id; or own; or adopted.
-- ARGV: 1 the value; 2 for how many milliseconds it is kept.
-- Returns nothing.
-- The name of the key has the kind that the step gives.
call('SET', K.id, arg(1), 'PX', arg(2))
return reply()
