-- Handles those deadlines of a user that have passed: ends detached sessions; deletes a guest who started no session, or whom another step
-- could not delete; reports unread messages; tells the calling node that a push is due; and forgets that a user has adopted this guest.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch, inbox, unread,
--   aging, peerLog.
-- ARGV: 1 the id of this call.
-- Returns 1 if messages of this adopted guest are to be moved now, else 0.
await_epochs()
local user = load(K.user)
-- If Redis has evicted the user's hash, `schedule` does not know of the member in `deadlines`, and each sweep would list the user again.
if not user.dueAt then call('ZREM', K.deadlines, member) end
end_due_sessions(user)
local isMoving = user.moveDueAt and user.moveDueAt <= now
if isMoving then set(user, 'moveDueAt', now + MOVE_RETRY) end
if user.adoption and user.keptUntil and user.keptUntil <= now then
  -- As long as messages are to be moved, `adoption` stays: it says which user gets them.
  if user.moveDueAt then
    set(user, 'keptUntil', user.moveDueAt)
  else
    clear(user, { 'adoption', 'keptUntil' })
  end
elseif user.keptUntil and user.keptUntil <= now then
  -- 0 comes from a step that lacked the keys of the inbox (`forget_guest`). Only another value leaves the guest time to start a session.
  local at = user.keptUntil > 0 and math.max(user.keptUntil, swept_since() + RULES.guestStartTimeout) or 0
  set(user, 'keptUntil', at > now and at or nil)
  forget_guest(user)
end

-- Returns the oldest unread message among the first messages of a range; nil if there is none.
local function oldest_unread(from, to)
  for _, entry in ipairs(entries(K, from, to, RULES.searchedForUnread)) do
    if is_unread(K, user, entry) then return entry end
  end
end

local function report_unread()
  local from, to = math.max(user.readOffset + 1, (user.readUpTo or 0) + 1, user.first), user.newest
  if user.unread == 0 or from > to then return end
  local newest = {}
  local oldest = oldest_unread(from, to)
  for n, raw in ipairs(call('XREVRANGE', K.inbox, to .. '-9', from .. '-0', 'COUNT', RULES.searchedForUnread)) do
    local entry = entry_of(raw)
    if is_unread(K, user, entry) then
      oldest = oldest or entry
      if #newest < RULES.reportedUnread then table.insert(newest, 1, message_of(entry.offset, entry[ENTRY.message])) end
    end
  end
  -- If all of the newest messages were marked as read, peer by peer, the event has only the oldest unread message.
  if oldest and #newest == 0 then newest[1] = message_of(oldest.offset, oldest[ENTRY.message]) end
  if not oldest or oldest.offset < user.unreadCheckOffset then return end
  local at = oldest.storedAt + unreadAfter
  if at > now then
    -- The message for which the deadline was set has been read, and the oldest unread one is not old enough yet.
    set(user, 'unreadCheckOffset', oldest.offset)
    return at
  end
  add_event(user, 'message.unread', '"userId":' .. text(userId) .. ',"epoch":' .. epoch_text(user)
    .. ',"unread":' .. user.unread .. ',"oldestAt":' .. string.match(oldest[ENTRY.message], '"sentAt":(%d+)}$')
    .. ',"messages":[' .. table.concat(newest, ',') .. ']')
end

if user.unreadCheckAt and user.unreadCheckAt <= now then
  local again = unreadAfter and asked['message.unread'] and report_unread() or nil
  set(user, 'unreadCheckAt', again)
  if not again then set(user, 'unreadCheckOffset', nil) end
end
-- A call whose reply was lost comes again, and gets the event again. If the calling node does not end the push, the node that sweeps after
-- `RULES.pushLease` gets the event.
if user.pushDueAt and (user.pushDueAt <= now or user.pushCall == arg(1)) then
  set(user, 'pushDueAt', now + RULES.pushLease)
  set(user, 'pushCall', arg(1))
  events[#events + 1] = { type = 'push-due', appId = appId, userId = userId }
end
store_inbox(user)
finish(user)
return reply(isMoving and 1 or 0)
