-- Reads messages of an inbox.
-- KEYS: user, inbox, unread, aging, counts.
-- ARGV: 1 the first offset; 2 the last offset; 3 how many messages at most.
-- Returns for each message its JSON; its bytes; its age in milliseconds; and 1 if it counts as read wherever the mark stands, else 0.
local found = {}
for _, entry in ipairs(entries(K, arg(1), arg(2), arg(3))) do
  found[#found + 1] = message_of(entry.offset, entry[ENTRY.message])
  found[#found + 1] = entry.bytes
  found[#found + 1] = now - entry.storedAt
  found[#found + 1] = entry.kind == 'x' and 1 or 0
end
return reply_list(found)
