-- Reads the stored fields of a user, and the revocation that applies to the user.
-- KEYS: user, revoked.
-- ARGV: none.
-- Returns the profiles; the time of creation; and the time up to which the user's credentials are revoked by the time of their issue, or
--   false if there is no such revocation.
local stored = call('HMGET', K.user, USER.profiles, USER.createdAt, USER.revokedBefore)
return reply(stored[1], stored[2], revoked_before({ revokedBefore = tonumber(stored[3] or nil) }) or false)
