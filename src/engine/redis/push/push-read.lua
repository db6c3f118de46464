-- Reads a user's devices.
-- KEYS: user.
-- ARGV: none.
-- Returns when the user was created, the newest offset of the inbox, and the devices as JSON; an empty string for a missing value.
local user = load_inbox(K.user)
return reply(user.createdAt or '', user.newest, user.deviceCount and call('HGET', K.user, USER.devices) or '')
