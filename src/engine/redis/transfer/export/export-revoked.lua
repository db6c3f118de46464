-- Reads the time up to which an app's credentials are revoked.
-- KEYS: revoked.
-- ARGV: none.
-- Returns the time, or false.
return reply(call('GET', K.revoked))
