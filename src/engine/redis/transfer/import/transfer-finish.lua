-- Stores the engine's key, and deletes the note that a transfer is unfinished.
-- KEYS: key, transfer.
-- ARGV: 1 the key.
-- Returns nothing.
call('SET', K.key, arg(1))
call('DEL', K.transfer)
return reply()
