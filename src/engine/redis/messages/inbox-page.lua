-- Reads the state of an inbox, and messages after a position or before an offset.
-- KEYS: user, …inbox, counts, state.
-- ARGV: 1 how many messages at most; 2 the offset (empty for the newest messages); 3 for messages after a position: the number of the
--   position's epoch (`state.lua`), or `any` for the epoch that the inbox has (empty for messages before the offset).
-- Returns the number of the epoch; the newest offset; the read offset; the number of unread messages; a list of the messages as JSON, the
--   oldest first; and 1 if messages after the position are gone, or if it is of another epoch or beyond the newest offset, else 0.
local limit, offset, epoch = tonumber(arg(1)), tonumber(arg(2)), optional(3)
local user, found, isLost = load_inbox(K.user), {}, false
if epoch then
  found, isLost = read_after(K, user, tonumber(epoch) or epoch_of(user), offset, limit)
else
  local to = math.min((offset or user.newest + 1) - 1, user.newest)
  local isRead = limit > 0 and user.first <= to
  local raw = isRead and call('XREVRANGE', K.inbox, to .. '-9', user.first .. '-0', 'COUNT', limit) or {}
  for n, each in ipairs(raw) do found[#raw + 1 - n] = entry_of(each) end
end
for n, entry in ipairs(found) do found[n] = message_of(entry.offset, entry[ENTRY.message]) end
return reply(epoch_of(user), user.newest, user.readOffset, user.unread, found, isLost and 1 or 0)
