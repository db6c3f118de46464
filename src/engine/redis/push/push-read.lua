-- Reads a user's devices.
-- KEYS: user.
-- ARGV: none.
-- Returns the time when the user was created; the newest offset of the inbox; the devices as JSON. A missing value is an empty text.
local user = load_inbox(K.user)
return reply(user.createdAt or '', user.newest, user.deviceCount and call('HGET', K.user, USER.devices) or '')
