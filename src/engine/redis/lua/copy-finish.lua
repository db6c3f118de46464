-- Stores the engine's key, and removes the mark of a copy.
call('SET', K.key, arg(1))
call('DEL', K.copying)
return reply()
