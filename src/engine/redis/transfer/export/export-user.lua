-- Reads a user's fields.
-- KEYS: user, sessions.
-- ARGV: none.
-- Returns the time, when a session of the user was last seen, and each field with its value.
local seen = 0
for _, json in ipairs(call('HVALS', K.sessions)) do seen = math.max(seen, cjson.decode(json)[SESSION.lastSeenAt]) end
return reply(now, seen, unpack(call('HGETALL', K.user)))
