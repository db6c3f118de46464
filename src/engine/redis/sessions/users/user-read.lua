-- Reads the stored fields of a user, and the revocation that applies to the user.
-- KEYS: user, revoked.
-- ARGV: none.
-- Returns the vouched profile, its time, the claimed profile, and the time of creation; and the time up to which the user's credentials are
--   revoked by the time of their issue, or false if there is no such revocation.
local stored = call('HMGET', K.user, USER.vouched, USER.vouchedAt, USER.claimed, USER.createdAt, USER.revokedBefore)
stored[5] = revoked_before({ revokedBefore = tonumber(stored[5] or nil) }) or false
return reply(unpack(stored, 1, 5))
