-- Reads the newest messages before an offset.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the offset (empty for the newest messages); 2 how many messages at most.
-- Returns the number of the epoch (`state.lua`); the newest offset; the read offset; the number of unread messages; and a list of the
--   messages as JSON, the oldest first.
local user = load_inbox(K.user)
local to = math.min((tonumber(arg(1)) or user.newest + 1) - 1, user.newest)
local found = {}
if user.first <= to then
  local raw = call('XREVRANGE', K.inbox, to .. '-9', user.first .. '-0', 'COUNT', arg(2))
  for n = #raw, 1, -1 do
    local entry = entry_of(raw[n])
    found[#found + 1] = message_of(entry.offset, entry[ENTRY.message])
  end
end
return reply(epoch_of(user), user.newest, user.readOffset, user.unread, found)
