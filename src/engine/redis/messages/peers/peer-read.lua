-- Marks the messages of a peer up to an offset as read, or as many of these as one step can. A user with whom the inbox has no messages
-- gets no mark.
-- KEYS: user, …events, …inbox, peerLog, deadlines, state.
-- ARGV: 1 the number of the epoch; 2 the offset; 3 the peer (empty for the backend); 4 the last offset whose peer the caller knows; 5 the
--   offset of the newest message with the peer up to that offset (0 if there is none).
-- Returns 0 if the inbox has another epoch; else 1; the number of the epoch; the newest offset; the read offset; the number of unread
--   messages; 1 if another step has to go on, else 0; the number of unread messages from the peer; and the peer's read offset.
await_epochs()
local user, peer = load(K.user), arg(3)
if tonumber(arg(1)) ~= epoch_of(user) then return reply(0) end

local function peer_state()
  local unread, mark = unread_of(K, user, peer)
  return unread, math.max(user.readOffset, mark)
end

-- Returns the offset of the newest message with the peer; 0 if there is none.
local function newest_with()
  local newest, known = tonumber(arg(5)), tonumber(arg(4))
  local later = known < user.newest and call('LRANGE', K.peerLog, known - user.newest, -1) or {}
  for n, with in ipairs(later) do
    -- The list may be shorter than asked for, because retention may have trimmed it meanwhile. The last item is about the newest offset.
    if string.sub(with, 2) == peer then newest = user.newest - #later + n end
  end
  return newest >= user.first and newest or 0
end

-- Counts the peer's messages in a range of offsets as read, or as many of these as one step can. Returns the last offset that it has
-- reached.
local function read(from, to)
  return visit_entries(K, from, to, function(entry)
    if entry.peer == peer and is_unread(K, user, entry) then forget_unread(K, user, entry) end
  end)
end

-- Moves `readUpTo` to just before the next unread message, or past as many messages as one step reads.
local function advance()
  if user.unread == 0 then
    user.readUpTo = user.newest
    return
  end
  local from = math.max(user.readUpTo, user.readOffset, user.first - 1) + 1
  local reached = visit_entries(K, from, user.newest, function(entry) return is_unread(K, user, entry) end)
  if reached >= from then user.readUpTo = reached end
end

local target, newest = math.min(tonumber(arg(2)), user.newest), newest_with()
local isUnfinished = false
local unread, readOffset = peer_state()
if target > readOffset and newest > 0 then
  if target == user.newest then
    user.unread = math.max(user.unread - unread, 0)
    call('HDEL', K.unread, UNREAD.messages .. peer, UNREAD.bytes .. peer)
  elseif unread > 0 then
    local from = math.max(user.first, readOffset + 1, (user.readUpTo or 0) + 1)
    local reached = read(from, target)
    target, isUnfinished = math.min(target, reached), reached < target
  end
  call('HSET', K.unread, UNREAD.mark .. peer, string.format('%.0f %.0f', target, newest))
  user.readUpTo = user.readUpTo or user.readOffset
  advance()
  unread, readOffset = peer_state()
  -- Only the last step emits the event, for all steps.
  if not isUnfinished then report_read(user, { id = peer, unread = unread, readOffset = readOffset }) end
  store(user)
  announce()
end
return reply(1, epoch_of(user), user.newest, user.readOffset, user.unread, isUnfinished and 1 or 0, unread, readOffset)
