-- Shared by all scripts: the inboxes. An inbox is a Redis stream whose ids are the offsets. `fields.ts` describes an entry's fields. The
-- hash `unread` counts unread messages and their bytes by sender. It also has the mark of each peer: the offset up to which the peer's
-- messages are read. The hash `held` counts the bytes that each sender's messages take in the inboxes of others on this server; in a
-- cluster, in this partition. The list `peerLog` has the kind and the peer of each message, as the field `about` has them, so that a script
-- that looks for peers reads no messages. The list's last item is about the newest offset, the item before it about the offset before, and
-- so on. Messages from a transfer may have gaps between their offsets, so their items begin with the offset and a space. `aging` has the
-- user of each inbox, with the time of its oldest message or an earlier time. In each function `keys` are the keys of the inbox's user, and
-- `owner` is the user's id.
-- How many messages beyond the retention one script deletes at most. After the retention was lowered there may be thousands, and other
-- calls would wait while one script deletes all of them.
local MAX_DROPPED = 256
-- How many messages a command of `visit_entries` or `beyond` reads at most. A message may have 64 kB as JSON, so a command may read 1 MB.
local MAX_CHUNK = 16
-- Milliseconds after which the sweep continues to move the messages of an adopted guest.
local MOVE_RETRY = 5000

-- Returns an entry: its offset; its fields, as `entry[ENTRY.message]`; its bytes; and the time, the kind and the peer from `about`.
local function entry_of(raw)
  local entry = { offset = tonumber(string.match(raw[1], '^%d+')) }
  for n = 1, #raw[2], 2 do entry[raw[2][n]] = raw[2][n + 1] end
  entry.bytes = #entry[ENTRY.message] + RULES.messageOverhead
  local storedAt, kind, peer = string.match(entry[ENTRY.about], '^(%d+) (.)(.*)$')
  entry.storedAt, entry.kind, entry.peer = tonumber(storedAt), kind, peer
  return entry
end

-- Returns at most `count` entries from one offset up to another.
local function entries(keys, from, to, count)
  local found = {}
  for n, raw in ipairs(call('XRANGE', keys.inbox, from .. '-0', to .. '-9', 'COUNT', count)) do found[n] = entry_of(raw) end
  return found
end

-- Returns at most `count` entries after a position, and whether others after it are gone. `epoch` is the number of the position's epoch
-- (`state.lua`). A position of another epoch, or beyond the newest offset, counts as the one before the first entry.
local function read_after(keys, user, epoch, offset, count)
  local isComparable = epoch == epoch_of(user) and offset <= user.newest
  if not isComparable then offset = 0 end
  local from = math.max(offset + 1, user.first)
  local found = from <= user.newest and entries(keys, from, user.newest, count) or {}
  local first = found[1] and found[1].offset or math.max(from, user.newest + 1)
  return found, not isComparable or first > offset + 1
end

-- Calls `visit` with the entries from one offset up to another. Stops before an entry for which `visit` returns true. Also stops after
-- `MAX_VISITED` entries or `MAX_VISITED_BYTES` bytes, because other calls wait while it reads. Returns the last offset before the stop.
local function visit_entries(keys, from, to, visit)
  local MAX_VISITED, MAX_VISITED_BYTES = 512, 262144
  local last, left, bytes = from - 1, MAX_VISITED, 0
  while last < to and left > 0 and bytes < MAX_VISITED_BYTES do
    local chunk = entries(keys, last + 1, to, math.min(MAX_CHUNK, left))
    if #chunk == 0 then return to end
    for _, entry in ipairs(chunk) do
      if visit(entry) then return last end
      last, bytes = entry.offset, bytes + entry.bytes
    end
    left = left - #chunk
  end
  return last
end

-- Returns the offset of a peer's mark, and the offset that the newest message with the peer had when the mark was set. Returns 0 and 0 if
-- there is no mark. The mark is deleted together with that message.
local function mark_of(keys, user, peer)
  local mark = user.readUpTo and call('HGET', keys.unread, UNREAD.mark .. peer)
  if not mark then return 0, 0 end
  local offset, newest = string.match(mark, '^(%d+) (%d+)$')
  if tonumber(newest) < user.first then return 0, 0 end
  return tonumber(offset), tonumber(newest)
end

-- Returns the number of unread messages from a peer, and the offset of the peer's mark.
local function unread_of(keys, user, peer)
  return tonumber(call('HGET', keys.unread, UNREAD.messages .. peer) or 0), (mark_of(keys, user, peer))
end

local function is_unread(keys, user, entry)
  if entry.offset <= user.readOffset or entry.kind ~= 'r' then return false end
  return not user.readUpTo or (entry.offset > user.readUpTo and entry.offset > mark_of(keys, user, entry.peer))
end

-- Deletes the mark of a message's peer, if this message was the newest with the peer when the mark was set.
local function forget_mark(keys, user, entry)
  local _, newest = mark_of(keys, user, entry.peer)
  if newest == entry.offset then call('HDEL', keys.unread, UNREAD.mark .. entry.peer) end
end

-- Subtracts a message from the counts of unread messages.
local function forget_unread(keys, user, entry)
  user.unread = math.max(user.unread - 1, 0)
  if call('HINCRBY', keys.unread, UNREAD.messages .. entry.peer, -1) <= 0 then
    call('HDEL', keys.unread, UNREAD.messages .. entry.peer, UNREAD.bytes .. entry.peer)
  else
    call('HINCRBY', keys.unread, UNREAD.bytes .. entry.peer, -entry.bytes)
  end
end

-- Adds `bytes` to those that a sender's messages take in the inboxes of others. Returns the sum. Messages of the backend, and own copies,
-- do not count: for these it returns nil.
local function hold(from, owner, bytes)
  if from == '' or from == owner then return end
  local sum = call('HINCRBY', K.held, from, whole(bytes))
  if sum <= 0 then call('HDEL', K.held, from) end
  return sum
end

-- Deletes the messages in `old`, which are the oldest of the inbox.
local function drop(keys, user, owner, old)
  if #old == 0 then return end
  local bytes, bytesOf = 0, {}
  for _, entry in ipairs(old) do
    bytes = bytes + entry.bytes
    if entry.kind ~= 's' then bytesOf[entry.peer] = (bytesOf[entry.peer] or 0) + entry.bytes end
    if is_unread(keys, user, entry) then forget_unread(keys, user, entry) end
    if user.readUpTo then forget_mark(keys, user, entry) end
  end
  for from, sum in pairs(bytesOf) do hold(from, owner, -sum) end
  local before = user.first
  user.first = old[#old].offset + 1
  user.bytes = user.bytes - bytes
  count('bytes', -bytes)
  if user.first > user.newest then
    -- If this script sends a message that is then refused, the inbox stays empty. So the owner stays in `aging`: there the sweep finds a
    -- guest without messages, and deletes the guest.
    call('DEL', keys.inbox, keys.peerLog)
  else
    call('XTRIM', keys.inbox, 'MINID', user.first .. '-0')
    -- Readers of `peerLog` ignore what is before `first`, so the list is trimmed only now and then.
    local PEER_LOG_TRIMMED = 64
    if math.floor(user.first / PEER_LOG_TRIMMED) > math.floor(before / PEER_LOG_TRIMMED) then
      call('LTRIM', keys.peerLog, user.first - user.newest - 1, -1)
    end
  end
end

-- Returns whether the inbox exceeds the retention if its newest offset is `last` and its messages take `bytes` bytes. The newest message
-- stays, even if it alone takes more bytes than the retention has.
local function exceeds(user, last, bytes, retention)
  return last - user.first + 1 > retention.messages or (bytes > retention.bytes and user.first < last)
end

-- Returns the oldest messages: those that are beyond the retention if the newest offset of the inbox is `last` and its messages take
-- `bytes` bytes. It returns at most `MAX_DROPPED` messages; a later script finds the others. It reads few messages that stay, because each
-- message to a full inbox waits for these reads.
local function beyond(keys, user, last, bytes, retention)
  if not exceeds(user, last, bytes, retention) then return {} end
  local old, first, kept = {}, user.first, last - retention.messages + 1
  while #old < MAX_DROPPED and first <= user.newest and (first < kept or (bytes > retention.bytes and first < last)) do
    local chunk = entries(keys, first, user.newest, math.min(math.max(kept - first, #old, 1), MAX_CHUNK, MAX_DROPPED - #old))
    if #chunk == 0 then break end
    for _, entry in ipairs(chunk) do
      if entry.offset >= kept and (bytes <= retention.bytes or entry.offset >= last) then return old end
      bytes = bytes - entry.bytes
      old[#old + 1] = entry
      first = entry.offset + 1
    end
  end
  return old
end

-- Deletes messages beyond the retention, a limited number in one step. Returns whether there may be more.
local function trim(keys, user, owner, retention)
  local old = beyond(keys, user, user.newest, user.bytes, retention)
  drop(keys, user, owner, old)
  return #old == MAX_DROPPED
end

-- Returns whether a new message would push out an unread message of someone else, although the unread messages of its sender already exceed
-- the sender's share of this inbox, in number or in bytes.
local function is_crowded(keys, user, owner, from, old, rules)
  if from == '' or from == owner then return false end
  local pushesOut = false
  for _, entry in ipairs(old) do
    if entry.peer ~= from and is_unread(keys, user, entry) then pushesOut = true end
  end
  if not pushesOut then return false end
  for _, limit in ipairs(RULES.sharedLimits) do
    if tonumber(call('HGET', keys.unread, UNREAD[limit] .. from) or 0) > rules.share * rules.retention[limit] then return true end
  end
  return false
end

-- Returns how many bytes a sender's messages take in a list of entries.
local function bytes_of(list, from)
  local bytes = 0
  for _, entry in ipairs(list) do
    if entry.kind ~= 's' and entry.peer == from then bytes = bytes + entry.bytes end
  end
  return bytes
end

-- Forgets the messages of an inbox whose Redis stream has none: Redis has evicted it, or somebody has deleted the messages by hand.
local function forget_missing(keys, user, owner)
  call('DEL', keys.inbox, keys.unread, keys.peerLog)
  count('bytes', -user.bytes)
  user.first, user.bytes, user.unread, user.readUpTo = user.newest + 1, 0, 0, nil
end

-- Deletes messages that are older than `age`, a limited number in one step. Returns whether more may have expired.
local function expire(keys, user, owner, age)
  if user.first > user.newest or not user.oldestAt or user.oldestAt + age > now then return false end
  local MAX_EXPIRED = 64
  local old, found = {}, entries(keys, user.first, user.newest, MAX_EXPIRED)
  if #found == 0 then forget_missing(keys, user, owner) end
  for _, entry in ipairs(found) do
    user.oldestAt = entry.storedAt
    if user.oldestAt + age > now then break end
    old[#old + 1] = entry
  end
  drop(keys, user, owner, old)
  if user.first <= user.newest then call('ZADD', keys.aging, user.oldestAt, owner) end
  return #old == MAX_EXPIRED
end

-- Adds a message to the inbox. `id`, which is the offset, and `storedAt` are texts. Returns the message's item, which the caller adds to
-- `peerLog`.
local function add_entry(keys, owner, id, json, from, to, storedAt, isRead, trace)
  local with = from == owner and 's' .. to or (isRead and 'x' or 'r') .. from
  local about = storedAt .. ' ' .. with
  if trace then call('XADD', keys.inbox, id, ENTRY.message, json, ENTRY.about, about, ENTRY.trace, trace)
  else call('XADD', keys.inbox, id, ENTRY.message, json, ENTRY.about, about) end
  return with
end

-- Stores a message, and deletes the messages that it pushes out: those in `old`, if the caller has read them already. With `isRead` the
-- stored message counts as read. `trace` is the entry's field of that name. Returns the message's offset.
local function append(keys, user, owner, json, from, to, retention, isRead, old, trace)
  local last, size = user.newest + 1, #json + RULES.messageOverhead
  drop(keys, user, owner, old or beyond(keys, user, last, user.bytes + size, retention))
  call('RPUSH', keys.peerLog, add_entry(keys, owner, whole(last), json, from, to, whole(now), isRead, trace))
  if user.newest == 0 then count('inboxes', 1) end
  if user.first > user.newest then
    user.oldestAt = now
    call('ZADD', keys.aging, whole(now), owner)
  end
  user.newest = last
  user.bytes = user.bytes + size
  count('bytes', size)
  if from ~= owner and not isRead then
    user.unread = user.unread + 1
    call('HINCRBY', keys.unread, UNREAD.messages .. from, '1')
    call('HINCRBY', keys.unread, UNREAD.bytes .. from, whole(size))
  end
  return last
end

-- Puts a message of `from` into the inbox of this script's user, who is created if need be, and sets when the sweep looks whether the
-- message is unread, and when it is pushed. `old` and `trace` are those of `append`. Returns the message's offset.
local function receive(user, json, from, rules, old, trace)
  if not user.createdAt then
    set(user, 'createdAt', now)
    call('ZADD', K.users, 0, userId)
    count('users', 1)
    add_event(user, 'user.created', '"user":{"id":' .. text(userId) .. '},"guest":false')
  end
  local beginsStreak = unreadAfter and asked['message.unread'] and from ~= userId and user.unread == 0
  local isPushed = user.deviceCount and rules.pushAfter and from ~= userId
  local offset = append(K, user, userId, json, from, userId, rules.retention, false, old, isPushed and trace ~= '' and trace)
  if not beginsStreak and not isPushed then return offset end
  load_deadlines(user)
  if beginsStreak then
    set(user, 'unreadCheckAt', math.ceil(now + unreadAfter))
    set(user, 'unreadCheckOffset', offset)
  end
  if isPushed then
    local at = math.ceil(now + rules.pushAfter)
    set(user, 'pushDueAt', math.min(user.pushDueAt or at, at))
  end
  schedule(user)
  return offset
end

local function message_of(offset, json) return '{"offset":' .. whole(offset) .. ',' .. string.sub(json, 2) end

-- Tells the nodes of a user that a message was stored. All but the calling node get a large message without its JSON, and read it from the
-- inbox.
local function emit_message(user, owner, offset, json)
  if not user.nodes then return end
  local MAX_PUBLISHED = 2048
  local epoch = epoch_of(user)
  local brief = { type = 'message', appId = appId, userId = owner, epoch = epoch, offset = offset }
  local event = { type = 'message', appId = appId, userId = owner, epoch = epoch, offset = offset, json = json }
  emit(user.nodes, event, #json > MAX_PUBLISHED and brief)
end

-- Returns the epoch of the inbox as webhook events have it: as JSON.
local function epoch_text(user) return text(epochBase .. whole(epoch_of(user))) end

-- Adds the event `message.created`.
local function report_message(user, offset, json, traceparent)
  if not asked['message.created'] then return end
  add_event(user, 'message.created', '"epoch":' .. epoch_text(user) .. ',"message":' .. message_of(offset, json) .. traceparent)
end

-- Tells the nodes of the user that the inbox's mark was set, or the mark of a peer: `peer` has the peer's `id`, `unread` and `readOffset`.
local function emit_read(user, peer)
  emit(user.nodes, { type = 'read', appId = appId, userId = userId, epoch = epoch_of(user), offset = user.newest,
    readOffset = user.readOffset, unread = user.unread, peer = peer })
end

-- Does what `emit_read` does, and adds the event `message.read`.
local function report_read(user, peer)
  emit_read(user, peer)
  if not asked['message.read'] then return end
  local with = peer and ',"with":' .. (peer.id == '' and 'null' or text(peer.id)) .. ',"unreadWith":' .. peer.unread
    .. ',"readOffsetWith":' .. peer.readOffset or ''
  add_event(user, 'message.read', '"epoch":' .. epoch_text(user) .. ',"readOffset":' .. user.readOffset .. ',"unread":' .. user.unread .. with)
end
