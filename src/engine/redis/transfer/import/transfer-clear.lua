-- Deletes the keys that the caller passes.
-- KEYS: only those that the caller passes.
-- ARGV: none.
-- Returns nothing.
call('UNLINK', unpack(KEYS))
return reply()
