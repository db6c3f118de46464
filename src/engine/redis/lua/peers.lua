-- A part of scripts: the peers of an inbox. The sorted set `peers` has a member for the messages from each peer, `r` and the peer's id, and
-- one for those to each peer, `s` and the id. The score is the negative offset of the newest of these messages. Redis searches a short set
-- from the lowest score, and the members that change most are there. The oldest messages are deleted first, so a member whose newest
-- message is before `first` has no messages left. Such members stay for a while: see `PEERS_PRUNED`.
-- How many entries one script searches for a message in place of one that was deleted by hand.
local MAX_SEARCHED = 256
-- Whether the script has changed the set. The caller runs the script again then.
local isRepaired

local function begin_peers() isRepaired = false end

local function member_of(entry) return (entry.kind == 's' and 's' or 'r') .. entry.peer end

-- Corrects the score of a member whose newest message is gone: the score becomes that of the member's message before. If the script does
-- not find this message within `MAX_SEARCHED` entries, the score gets a value between two offsets, and the next run searches from there.
local function repair(user, member, offset)
  if isRepaired then return end
  isRepaired = true
  local last = math.ceil(offset) - 1
  local raws = last < user.first and {}
    or call('XREVRANGE', K.inbox, last .. '-9', user.first .. '-0', 'COUNT', MAX_SEARCHED)
  local entry
  for _, raw in ipairs(raws) do
    entry = entry_of(raw)
    if member_of(entry) == member then return call('ZADD', K.peers, -entry.offset, member) end
  end
  if #raws < MAX_SEARCHED then return call('ZREM', K.peers, member) end
  call('ZADD', K.peers, 0.5 - entry.offset, member)
end

-- Returns the newest entry of a member; nil if there is none, and after a repair. `score` is the member's score if the caller knows it.
local function newest_of(user, member, score)
  local offset = -tonumber(score or call('ZSCORE', K.peers, member) or 0)
  if offset < user.first then return end
  local entry = offset % 1 == 0 and entries(K, offset, offset, 1)[1]
  if entry and member_of(entry) == member then return entry end
  repair(user, member, offset)
end

-- Returns the number of unread messages from a peer, and the offset of the peer's mark.
local function unread_of(user, peer)
  return tonumber(call('HGET', K.unread, UNREAD.messages .. peer) or 0), (mark_of(K, user, peer))
end
