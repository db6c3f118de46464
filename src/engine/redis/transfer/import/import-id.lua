-- Stores a value about a message's id, an own copy, or an adopted guest.
-- KEYS: id; or own; or adopted.
-- ARGV: 1 the value; 2 the milliseconds for which it is kept.
-- Returns nothing.
-- `K.id` is the only key of the call. Its kind is `id` in the step `importId`, `own` in `importOwnCopy`, and `adopted` in `importAdopted`.
call('SET', K.id, arg(1), 'PX', arg(2))
return reply()
