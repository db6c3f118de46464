-- Notes that an own copy was made, so that it is no longer pending.
-- KEYS: ownCopies.
-- ARGV: 1 the own copy's field in `ownCopies`.
-- Returns nothing.
call('HDEL', K.ownCopies, arg(1))
return reply()
