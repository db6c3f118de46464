-- Reads the messages after a position.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the number of the position's epoch (`state.lua`); 2 the position's offset; 3 how many messages at most.
-- Returns the number of the inbox's epoch; the newest offset; 1 if the position is of this epoch and not beyond the newest offset, else 0;
--   the offset from which on messages were read; and a list of the messages as JSON.
local user = load_inbox(K.user)
local offset, limit = tonumber(arg(2)), tonumber(arg(3))
local isComparable = tonumber(arg(1)) == epoch_of(user) and offset <= user.newest
if not isComparable then offset = 0 end
local found = {}
local from = math.max(offset + 1, user.first)
if from <= user.newest then
  for n, entry in ipairs(entries(K, from, user.newest, limit)) do found[n] = message_of(entry.offset, entry[ENTRY.message]) end
end
return reply(epoch_of(user), user.newest, isComparable and 1 or 0, from, found)
