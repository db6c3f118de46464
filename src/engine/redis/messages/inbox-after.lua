-- Reads the messages after a position.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the number of the position's epoch (`state.lua`), or empty for the epoch that the inbox has; 2 the position's offset; 3 how many
--   messages at most.
-- Returns the number of the epoch; the newest offset; the read offset; the number of unread messages; a list of the messages as JSON; and 1
--   if messages after the position are gone, or if it is of another epoch or beyond the newest offset, else 0.
local user = load_inbox(K.user)
local found, isLost = read_after(K, user, tonumber(arg(1)) or epoch_of(user), tonumber(arg(2)), tonumber(arg(3)))
for n, entry in ipairs(found) do found[n] = message_of(entry.offset, entry[ENTRY.message]) end
return reply(epoch_of(user), user.newest, user.readOffset, user.unread, found, isLost and 1 or 0)
