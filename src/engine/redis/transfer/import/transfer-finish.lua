-- Stores the engine's key, and deletes `transfer`, which says that a transfer is unfinished.
-- KEYS: key, transfer.
-- ARGV: 1 the engine's key.
-- Returns nothing.
call('SET', K.key, arg(1))
call('DEL', K.transfer)
return reply()
