-- Reads the newest messages before an offset.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the number of the epoch (`state.lua`); 2 the offset (empty for the newest messages); 3 how many messages at most.
-- Returns 0 if the inbox has another epoch; else 1, and a list of the messages as JSON, the oldest first.
local user = load_inbox(K.user)
if tonumber(arg(1)) ~= epoch_of(user) then return reply(0) end
local to = math.min((tonumber(arg(2)) or user.newest + 1) - 1, user.newest)
local found = {}
if user.first <= to then
  local raw = call('XREVRANGE', K.inbox, to .. '-9', user.first .. '-0', 'COUNT', arg(3))
  for n = #raw, 1, -1 do
    local entry = entry_of(raw[n])
    found[#found + 1] = message_of(entry.offset, entry[ENTRY.message])
  end
end
return reply(1, found)
