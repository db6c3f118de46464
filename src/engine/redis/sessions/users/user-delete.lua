-- Deletes a user with the sessions and the inbox. If the inbox has too many messages for one call, deletes only some of them. The
-- revocation and the number of deletions stay.
-- KEYS: …sessions, …deletions.
-- ARGV: none.
-- Returns 1 if there was a user or an inbox, else 0; -1 if the caller must call again.
local user = load(K.user)
local old = entries(K, user.first, user.newest, MAX_DROPPED)
drop(K, user, userId, old)
if #old == MAX_DROPPED then
  store(user)
  return reply(-1)
end
local hadUser, hadInbox = user.createdAt ~= nil, user.newest > 0
for _, row in pairs(sessions()) do end_session(user, row, 'revoked') end
-- The end of a guest's last session may have deleted the guest.
if user.createdAt then add_event(user, 'user.deleted', '') end
delete_user(user)
delete_inbox(user)
-- For an adopted guest `keptUntil` stays: it says when the adoption is forgotten.
if not user.adoption then clear(user, { 'keptUntil' }) end
store_inbox(user)
finish(user)
return reply((hadUser or hadInbox) and 1 or 0)
