-- Deletes messages of a user that are not retained, to make room in the app's quota.
-- KEYS: user, inbox, unread, aging, counts, deadlines.
-- ARGV: 1 the retention: messages; 2 the retention: bytes; 3 the retention: age.
-- Returns nothing.
local user = load(K.user)
expire(K, user, userId, tonumber(arg(3)))
trim(K, user, userId, { messages = tonumber(arg(1)), bytes = tonumber(arg(2)) })
store(user)
return reply()
