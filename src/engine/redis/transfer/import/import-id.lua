-- Stores the value of a message's id, or of an own copy.
-- KEYS: id; or own.
-- ARGV: 1 the value; 2 for how many milliseconds it is kept.
-- Returns nothing.
call('SET', K.id or K.own, arg(1), 'PX', arg(2))
return reply()
