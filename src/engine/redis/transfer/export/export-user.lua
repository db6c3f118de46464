-- Reads a user's fields.
-- KEYS: user, sessions.
-- ARGV: none.
-- Returns the present time; when a session of the user was last seen, or 0; how many inboxes of the user were deleted; the newest offset of
--   the inbox; the oldest offset; the read offset; and each field of the user's hash with its value.
local seen = 0
for _, json in ipairs(call('HVALS', K.sessions)) do seen = math.max(seen, cjson.decode(json)[SESSION.lastSeenAt]) end
local user = load_inbox(K.user)
return reply(now, seen, user.deletions, user.newest, user.first, user.readOffset, unpack(call('HGETALL', K.user)))
