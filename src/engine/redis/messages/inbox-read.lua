-- Marks the messages up to an offset as read.
-- KEYS: user, sessions, queue, counts, due, events, pending, inbox, unread, aging, deadlines, state.
-- ARGV: 1 the number of the epoch; 2 the offset.
-- Returns 0 if the epoch is another one; else 1, the number of the epoch, the newest offset, the read offset, and the number of unread
--   messages.
local user = load(K.user)
if tonumber(arg(1)) ~= epoch_of(user) then return reply(0) end
local target = math.min(tonumber(arg(2)), user.newest)
if target > user.readOffset then
  if target == user.newest then
    call('DEL', K.unread)
    set(user, 'unread', 0)
  elseif target >= user.first then
    for _, entry in ipairs(entries(K, math.max(user.first, user.readOffset + 1), target, user.newest)) do
      if entry[ENTRY.from] ~= userId then forget_unread(K, user, entry) end
    end
  end
  set(user, 'readOffset', target)
  emit(user.nodes, { EVENT.read, appId, userId, epoch_of(user), user.newest, user.readOffset, user.unread })
  if asked['message.read'] then
    local epoch = text(epochBase .. string.format('%.0f', epoch_of(user)))
    add_event(user, 'message.read', '"epoch":' .. epoch .. ',"readOffset":' .. user.readOffset
      .. ',"unread":' .. user.unread)
  end
  store(user)
  announce()
end
return reply(1, epoch_of(user), user.newest, user.readOffset, user.unread)
