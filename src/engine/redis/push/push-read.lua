-- Reads a user's devices.
-- KEYS: user.
-- ARGV: none.
-- Returns when the user was created, the newest offset of the inbox, and the devices as JSON; empty strings stand for what there is not.
local user = call('HMGET', K.user, USER.createdAt, USER.newest, USER.devices)
return reply(user[1] or '', user[2] or 0, user[3] or '')
