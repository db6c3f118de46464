-- Deletes expired messages of a user. A guest who then has neither messages nor sessions is deleted with the inbox.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch, inbox, unread,
--   aging, peerLog, held.
-- ARGV: 1 the greatest age of a message, in milliseconds.
-- Returns 1 if perhaps more messages have expired, else 0.
local user = load(K.user)
local isUnfinished = expire(K, user, userId, tonumber(arg(1)))
if user.first > user.newest then
  call('ZREM', K.aging, userId)
  forget_guest(user)
end
store_inbox(user)
finish(user)
return reply(isUnfinished and 1 or 0)
