-- Deletes the keys that the caller passes.
-- KEYS: none of its own.
-- ARGV: none.
-- Returns nothing.
call('UNLINK', unpack(KEYS))
return reply()
