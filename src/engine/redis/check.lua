-- Writes and reads a value. Publishes to the calling node the canary, a text whose arrival shows that the node's subscription works.
-- KEYS: check.
-- ARGV: 1 the canary.
-- Returns 1 if the value was read as it was written, else 0.
call('SET', K.check, now)
publish_to(self, text({ type = 'canary', canary = arg(1) }))
return reply(call('GET', K.check) == string.format('%.0f', now) and 1 or 0)
