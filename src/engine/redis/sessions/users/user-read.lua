-- Reads the stored fields of a user.
-- KEYS: user.
-- ARGV: none.
-- Returns the vouched profile, its time, the claimed profile, and the time of creation.
return reply(unpack(call('HMGET', K.user, USER.vouched, USER.vouchedAt, USER.claimed, USER.createdAt)))
