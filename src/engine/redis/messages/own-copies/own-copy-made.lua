-- Notes that an own copy was made: it is no longer pending.
-- KEYS: ownCopies.
-- ARGV: 1 the own copy's field.
-- Returns nothing.
call('HDEL', K.ownCopies, arg(1))
return reply()
