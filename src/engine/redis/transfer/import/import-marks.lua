-- Stores the marks of an inbox's peers. `import-messages` runs later, and counts the unread messages by these marks.
-- KEYS: user, unread.
-- ARGV: for each mark the peer's id (empty for the backend), and the mark, which `fields.ts` describes.
-- Returns nothing.
local user = load(K.user)
for n = 1, arg_count(), 2 do call('HSET', K.unread, UNREAD.mark .. arg(n), arg(n + 1)) end
user.readUpTo = user.readOffset
store(user)
return reply()
