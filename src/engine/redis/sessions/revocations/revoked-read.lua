-- Reads the time up to which the user's credentials are revoked.
-- KEYS: user, revoked.
-- ARGV: none.
-- Returns the time, or false.
return reply(revoked_before(load(K.user)) or false)
