-- Reads the oldest messages of an adopted guest that have not been moved to the user yet.
-- KEYS: user, …inbox, counts.
-- ARGV: 1 how many messages at most.
-- Returns nothing if no messages are to be moved; else the user who has adopted the guest; when that user was created; how many messages
--   the guest had; how many of these the guest's inbox still has, including the returned ones; the bytes that they take; and for each
--   returned message its offset, its JSON, its bytes, when it was stored, and 1 if it is read, else 0.
local user = load(K.user)
if not user.moveDueAt then return reply() end
local adoption, found = cjson.decode(user.adoption), {}
for _, entry in ipairs(entries(K, user.first, user.newest, arg(1))) do
  local isRead = entry.offset <= math.max(user.readOffset, (mark_of(K, user, entry.peer)))
  push(found, entry.offset, entry[ENTRY.message], entry.bytes, entry.storedAt, isRead and 1 or 0)
end
return reply_list(found, adoption[1], adoption[2], adoption[4], user.newest - user.first + 1, user.bytes)
