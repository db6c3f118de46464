-- Counts a message for its sender's rate, and reads the sender's profile. In a cluster the recipient may be in another partition, so `send`
-- can do neither.
-- KEYS: user, rate.
-- ARGV: 1 how many messages the sender may send in a second (empty for no limit); 2 the id of this call.
-- Returns the milliseconds until the sender may send. If these are 0, also the sender's profile as JSON; how many inboxes of the sender
--   were deleted; 1 if the sender has no inbox yet, else 0; and 1 if the sender does not exist, else 0.
local wait = take_message(K, tonumber(arg(1)), arg(2))
if wait > 0 then return reply(wait) end
local user = load_inbox(K.user)
return reply(0, user.sender or 'null', user.deletions, user.newest == 0 and 1 or 0, user.createdAt and 0 or 1)
