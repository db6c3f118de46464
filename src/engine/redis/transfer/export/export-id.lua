-- Reads what is stored about a message's id, or about an own copy.
-- KEYS: id; or own.
-- ARGV: none.
-- Returns the value, and the milliseconds for which it is kept.
-- `K.id` is the only key of the call. Its kind is `id` in the step `exportId`, and `own` in the step `exportOwnCopy`.
return reply(call('GET', K.id), call('PTTL', K.id))
