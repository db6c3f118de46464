-- Marks the messages up to an offset as read, or as many of these as one step can.
-- KEYS: user, …events, …inbox, deadlines, state.
-- ARGV: 1 the number of the epoch (`state.lua`); 2 the offset.
-- Returns 0 if the inbox has another epoch; else 1; the number of the epoch; the newest offset; the read offset; the number of unread
--   messages; and 1 if another step has to go on, else 0.
await_epochs()
local user = load(K.user)
if tonumber(arg(1)) ~= epoch_of(user) then return reply(0) end
local target, isUnfinished = math.min(tonumber(arg(2)), user.newest), false
if target > user.readOffset then
  if target == user.newest then
    -- Without unread messages, counts and marks of peers are not needed.
    call('DEL', K.unread)
    user.readUpTo, user.unread = nil, 0
  elseif target >= user.first then
    local from = math.max(user.first, user.readOffset + 1, (user.readUpTo or 0) + 1)
    local reached = visit_entries(K, from, target, function(entry)
      if is_unread(K, user, entry) then forget_unread(K, user, entry) end
    end)
    target, isUnfinished = math.min(target, reached), reached < target
  end
  user.readOffset = target
  if user.readUpTo and user.readUpTo < target then user.readUpTo = target end
  -- Only the last step emits the event, for all steps.
  if not isUnfinished then report_read(user) end
  store(user)
  announce()
end
return reply(1, epoch_of(user), user.newest, user.readOffset, user.unread, isUnfinished and 1 or 0)
