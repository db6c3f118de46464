-- Stores the engine's key, and removes the mark of the transfer.
-- KEYS: key, transfer.
-- ARGV: 1 the key.
-- Returns nothing.
call('SET', K.key, arg(1))
call('DEL', K.transfer)
return reply()
