-- Reads the state of an inbox.
-- KEYS: user, state.
-- ARGV: none.
-- Returns the number of the epoch (`state.lua`), the newest offset, the read offset, and the number of unread messages.
local user = load_inbox(K.user)
return reply(epoch_of(user), user.newest, user.readOffset, user.unread)
