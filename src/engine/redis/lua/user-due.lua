-- Does what is due of a user: ends holds, deletes a guest who started no session, and reports unread messages.
local user = load(K.user)
settle(user)
if user.sb and user.sb <= now then
  local at = math.max(user.sb, reached_since() + RULES.guestStartTimeout)
  set(user, 'sb', at > now and at or nil)
  forget_guest(user)
end

-- The oldest unread message of another user; nil if there is none.
local function oldest_unread(from, to)
  for _, entry in ipairs(entries(K, from, to, RULES.searchedForUnread)) do
    if entry.f ~= userId then return entry end
  end
end

local function report_unread()
  local from, to = math.max(user.rd + 1, user.first), user.last
  if user.un == 0 or from > to then return end
  local newest = {}
  local oldest = oldest_unread(from, to)
  for n, raw in ipairs(call('XREVRANGE', K.inbox, to .. '-9', from .. '-0', 'COUNT', RULES.searchedForUnread)) do
    local entry = entry_of(raw)
    if entry.f ~= userId then
      oldest = oldest or entry
      if #newest < RULES.reportedUnread then table.insert(newest, 1, message_of(entry.offset, entry.m)) end
    end
  end
  if not oldest or oldest.offset < user.uo then return end
  local at = tonumber(oldest.a) + unreadAfter
  if at > now then
    -- The message that began the streak was read, and a later one is not old enough.
    set(user, 'uo', oldest.offset)
    return at
  end
  owe(user, 'message.unread', '"userId":' .. text(userId) .. ',"epoch":' .. text(epochBase .. string.format('%.0f', epoch_of(user)))
    .. ',"unread":' .. user.un .. ',"oldestAt":' .. string.match(oldest.m, '"sentAt":(%d+)}$')
    .. ',"messages":[' .. table.concat(newest, ',') .. ']')
end

if user.uc and user.uc <= now then
  local again = unreadAfter and asked['message.unread'] and report_unread() or nil
  set(user, 'uc', again)
  if not again then set(user, 'uo', nil) end
end
finish(user)
return reply()
