-- Deletes a user with the sessions and the inbox. If the inbox has too many messages for one call, deletes only some of them. The
-- revocation and the number of deletions stay.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch, inbox, unread,
--   aging, peerLog, held.
-- ARGV: none.
-- Returns 1 if there was a user or an inbox, else 0; -1 if the caller must call again.
local user = load(K.user)
local old = entries(K, user.first, user.newest, MAX_DROPPED)
drop(K, user, userId, old)
if #old == MAX_DROPPED then
  store(user)
  return reply(-1)
end
for id, row in pairs(sessions()) do
  remove(user, row)
  report_end(user, row, 'revoked', true)
end
local hadUser, hadInbox = user.createdAt ~= nil, user.newest > 0
if hadUser then
  call('ZREM', K.users, userId)
  count('users', -1)
  if user.guest then count('guests', -1) end
  add_event(user, 'user.deleted', '')
end
delete_inbox(user)
clear(user, { 'createdAt', 'guest', 'lastSeenAt', 'vouched', 'vouchedAt', 'claimed', 'sender' })
-- For an adopted guest `keptUntil` stays: it says when the adoption is forgotten.
if not user.adoption then clear(user, { 'keptUntil' }) end
end_devices(user)
store_inbox(user)
finish(user)
return reply((hadUser or hadInbox) and 1 or 0)
