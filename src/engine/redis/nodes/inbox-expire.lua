-- Deletes expired messages of a user, and those beyond a retention. A guest who then has neither messages nor sessions is deleted with the
-- inbox.
-- KEYS: …sessions, …deletions.
-- ARGV: 1 the greatest age of a message, in milliseconds; 2 `retention.messages`, and 3 `retention.bytes` (empty for no limit).
-- Returns 1 if perhaps more messages are to be deleted, else 0.
local user = load(K.user)
local isUnfinished = expire(K, user, userId, tonumber(arg(1)))
local retention = { messages = tonumber(arg(2)) or math.huge, bytes = tonumber(arg(3)) or math.huge }
isUnfinished = trim(K, user, userId, retention) or isUnfinished
if user.first > user.newest then
  call('ZREM', K.aging, userId)
  forget_guest(user)
end
store_inbox(user)
finish(user)
return reply(isUnfinished and 1 or 0)
