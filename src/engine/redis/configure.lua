-- Stores an app's options for nodes that open later.
-- KEYS: apps.
-- ARGV: 1 the options as JSON.
-- Returns nothing.
call('HSET', K.apps, appId, arg(1))
return reply()
