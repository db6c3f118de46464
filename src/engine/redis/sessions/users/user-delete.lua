-- Deletes a user with the sessions and the inbox. The revocation and the number of deletions stay.
-- KEYS: user, sessions, queue, counts, due, events, pending, appQueue, users, live, deadlines, attached, state, inbox, unread, aging.
-- ARGV: none.
-- Returns 1 if there was a user or an inbox, else 0.
local user = load(K.user)
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
if hadInbox then
  call('UNLINK', K.inbox, K.unread)
  call('ZREM', K.aging, userId)
  count('inboxes', -1)
  count('bytes', -user.bytes)
  set(user, 'deletions', user.deletions + 1)
end
clear(user, { 'createdAt', 'guest', 'keptUntil', 'lastSeenAt', 'vouched', 'vouchedAt', 'claimed', 'sender' })
clear(user, { 'newest', 'first', 'readOffset', 'unread', 'bytes', 'oldestAt', 'unreadCheckAt', 'unreadCheckOffset' })
finish(user)
return reply((hadUser or hadInbox) and 1 or 0)
