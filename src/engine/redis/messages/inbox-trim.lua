-- Deletes messages of a user that have expired, or that are beyond the retention.
-- KEYS: user, inbox, unread, aging, peerLog, held, counts, deadlines.
-- ARGV: 1 `retention.messages`; 2 `retention.bytes`; 3 `retention.age`.
-- Returns 1 if more messages may be beyond the retention, else 0.
local user = load_inbox(K.user)
expire(K, user, userId, tonumber(arg(3)))
local retention = { messages = tonumber(arg(1)), bytes = tonumber(arg(2)) }
local isUnfinished = trim(K, user, userId, retention)
store(user)
return reply(isUnfinished and 1 or 0)
