-- Reads the peer of each message that comes after those known to the caller. Also reads the messages, and the unread counts of peers, that
-- the caller asks for.
-- KEYS: user, …inbox, peerLog, state.
-- ARGV: 1 the number of the epoch that the caller knows; 2 the last offset whose peer the caller knows; 3 how many items of `peerLog` to
--   read at most; 4 1 if the unread counts leave out the messages whose items are read, else empty; 5 how many offsets follow; from 6 on the
--   offsets of messages to read; then the ids of peers whose unread counts the caller asks for (empty for the backend).
-- Returns the number of the epoch; the newest offset; the read offset; the number of unread messages; the oldest offset; 1 if the caller
--   knows another epoch or inbox, else 0; the last offset whose item of `peerLog` was read; the items that were read, separated by NUL; a
--   list with each message as JSON, or an empty text if the inbox lacks it; a list with two entries for each peer: the number of unread
--   messages, and the offset of the peer's mark.
local user, known = load_inbox(K.user), tonumber(arg(2))
-- When all messages of a guest have moved to a user, the guest's offsets begin anew in the same epoch. So `known` may exceed `newest`.
local isOther = tonumber(arg(1)) ~= epoch_of(user) or known > user.newest
local from = math.max(isOther and 0 or known, user.first - 1) + 1
local to = math.min(from + tonumber(arg(3)) - 1, user.newest)
local items = from <= to and call('LRANGE', K.peerLog, from - user.newest - 1, to - user.newest - 1) or {}

local leftOut, leftOutWith = 0, {}
for n, item in ipairs(arg(4) == '1' and items or {}) do
  local offset, kind, peer = string.match(item, '^(%d*) ?(.)(.*)$')
  if is_unread(K, user, { offset = tonumber(offset) or to - #items + n, kind = kind, peer = peer }) then
    leftOut, leftOutWith[peer] = leftOut + 1, (leftOutWith[peer] or 0) + 1
  end
end

local messages, peers, firstPeer = {}, {}, 6 + tonumber(arg(5))
for n = 6, firstPeer - 1 do
  local entry = entries(K, arg(n), arg(n), 1)[1]
  messages[#messages + 1] = entry and message_of(entry.offset, entry[ENTRY.message]) or ''
end
for n = firstPeer, arg_count() do
  local unread, mark = unread_of(K, user, arg(n))
  push(peers, unread - (leftOutWith[arg(n)] or 0), mark)
end
return reply(epoch_of(user), user.newest, user.readOffset, user.unread - leftOut, user.first, isOther and 1 or 0, to, table.concat(items, '\0'), messages, peers)
