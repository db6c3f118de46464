-- Reads whom the next messages of an inbox are with, and messages and peers that the caller asks for.
-- KEYS: user, inbox, unread, aging, peerLog, state.
-- ARGV: 1 the number of the epoch that the caller knows; 2 the offset up to which the caller knows whom the messages are with; 3 for how
--   many messages at most to read whom they are with; 4 how many offsets follow; from here on: the offsets of messages, and the ids of
--   peers, empty for the backend.
-- Returns the number of the epoch, the newest offset, the oldest one, the read offset, 1 if what the caller knows is of another inbox, else
--   0, the offset up to which the script has read `peerLog`, the items that it has read, a list with the JSON of each message, or an empty
--   text if there is none, and a list with the number of unread messages and the offset of the mark of each peer.
local user, known = load_inbox(K.user), tonumber(arg(2))
-- When all messages of a guest have moved to a user, the guest's inbox begins anew in the same epoch.
local isOther = tonumber(arg(1)) ~= epoch_of(user) or known > user.newest
local from = math.max(isOther and 0 or known, user.first - 1) + 1
local to = math.min(from + tonumber(arg(3)) - 1, user.newest)
local items = from <= to and call('LRANGE', K.peerLog, from - user.newest - 1, to - user.newest - 1) or {}

local messages, peers, firstPeer = {}, {}, 5 + tonumber(arg(4))
for n = 5, firstPeer - 1 do
  local entry = entries(K, arg(n), arg(n), 1)[1]
  messages[#messages + 1] = entry and message_of(entry.offset, entry[ENTRY.message]) or ''
end
for n = firstPeer, arg_count() do
  local unread, mark = unread_of(K, user, arg(n))
  peers[#peers + 1] = unread
  peers[#peers + 1] = mark
end
return reply(epoch_of(user), user.newest, user.first, user.readOffset, isOther and 1 or 0, to, table.concat(items, '\0'), messages, peers)
