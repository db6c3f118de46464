-- Reads what is stored about a message's id, or about an own copy.
-- KEYS: id; or own.
-- ARGV: none.
-- Returns the value, and the milliseconds for which it is kept.
-- `K.id` is the hashed key of the step: of the kind `id` in the step `exportId`, and of the kind `own` in `exportOwnCopy`.
return reply(call('GET', K.id), call('PTTL', K.id))
