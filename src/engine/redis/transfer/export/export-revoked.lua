-- Reads the time of an app's revocation. Credentials of the app that were issued up to this time are revoked.
-- KEYS: revoked.
-- ARGV: none.
-- Returns the time; false if there is none.
return reply(call('GET', K.revoked))
