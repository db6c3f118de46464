-- Stores an app's options. Each engine reads them when it opens.
-- KEYS: apps.
-- ARGV: 1 the options as JSON.
-- Returns nothing.
call('HSET', K.apps, appId, arg(1))
return reply()
