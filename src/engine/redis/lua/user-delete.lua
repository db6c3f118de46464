-- Deletes a user and the inbox. The revocation and the number of deletions stay.
local user = load(K.user)
for id, row in pairs(sessions()) do
  remove(user, row)
  report_end(user, row, 'revoked', true)
end
local hadUser, hadInbox = user.cr ~= nil, user.last > 0
if hadUser then
  call('ZREM', K.users, userId)
  count('users', -1)
  if user.g then count('guests', -1) end
  owe(user, 'user.deleted', '')
end
if hadInbox then
  call('UNLINK', K.inbox, K.unread)
  call('ZREM', K.aging, userId)
  count('inboxes', -1)
  count('bytes', -user.by)
  set(user, 'e', user.e + 1)
end
for _, field in ipairs({ 'cr', 'g', 'sb', 'ls', 'v', 'va', 'c', 's', 'last', 'first', 'rd', 'un', 'by', 'at', 'uc', 'uo' }) do
  user[field] = nil
  user.changed[field] = true
end
finish(user)
return reply((hadUser or hadInbox) and 1 or 0)
