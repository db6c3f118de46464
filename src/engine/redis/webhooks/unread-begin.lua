-- Sets when the sweep looks for the unread messages of a user whose app begins to ask for `message.unread`, unless that time is set.
-- KEYS: user, …inbox, deadlines.
-- ARGV: 1 since when the app asks for `message.unread`, in milliseconds before now; 2 its option `unreadAfter`.
-- Returns nothing.
local user = load_inbox(K.user)
if not user.createdAt or user.unread == 0 then return reply() end
load_deadlines(user)
if user.unreadCheckAt then return reply() end
local from = math.max(user.readOffset + 1, (user.readUpTo or 0) + 1, user.first)
local offset, at = from, now
for _, entry in ipairs(entries(K, from, user.newest, RULES.searchedForUnread)) do
  if is_unread(K, user, entry) then
    offset, at = entry.offset, math.max(now, math.ceil(entry.storedAt + tonumber(arg(2))))
    -- A streak that began since then was reported.
    if entry.storedAt >= now - tonumber(arg(1)) and at == now then return reply() end
    break
  end
end
set(user, 'unreadCheckAt', at)
set(user, 'unreadCheckOffset', offset)
schedule(user)
store_fields(user)
return reply()
