-- Reads the revocation that applies to the user: credentials that were issued up to its time are revoked.
-- KEYS: user, revoked.
-- ARGV: none.
-- Returns the time, or false if there is no revocation.
return reply(revoked_before(load(K.user)) or false)
