-- Reads the messages after a position.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the number of the position's epoch (`state.lua`); 2 the position's offset; 3 how many messages at most.
-- Returns 1 if messages after the position are gone, or if it is of another epoch or beyond the newest offset, else 0; and a list of the
--   messages as JSON.
local found, isLost = read_after(K, load_inbox(K.user), tonumber(arg(1)), tonumber(arg(2)), tonumber(arg(3)))
for n, entry in ipairs(found) do found[n] = message_of(entry.offset, entry[ENTRY.message]) end
return reply(isLost and 1 or 0, found)
