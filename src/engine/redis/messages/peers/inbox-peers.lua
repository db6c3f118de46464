-- Reads the peers of an inbox, the one with the newest message first, or so many of them as one step reads.
-- KEYS: user, inbox, unread, aging, peers, state.
-- ARGV: 1 the score in `peers` after which the step begins; `-inf` for all; 2 how many peers at most.
-- Returns the number of the epoch, the read offset, the score after which the next step begins, empty at the end, and for each peer its id,
--   the number of unread messages, the offset of the mark, the newest message as JSON, and the newest message from the peer, if that is
--   another one.
local MAX_SCANNED, CHUNK = 512, 64
local user, limit = load_inbox(K.user), tonumber(arg(2))
local after, found, count, scanned = arg(1), {}, 0, 0

local function take(entry, other)
  local received = ''
  if entry.kind == 's' and other then received = message_of(other.offset, other[ENTRY.message]) end
  local unread, mark = unread_of(user, entry.peer)
  found[#found + 1] = entry.peer
  found[#found + 1] = unread
  found[#found + 1] = mark
  found[#found + 1] = message_of(entry.offset, entry[ENTRY.message])
  found[#found + 1] = received
  count = count + 1
end

-- Adds the peer of a member to the result, unless a message in the other direction is newer. Returns whether the script goes on.
local function visit(member, score)
  local entry = newest_of(user, member, score)
  local kind, peer = string.sub(member, 1, 1), string.sub(member, 2)
  local other = newest_of(user, (kind == 's' and 'r' or 's') .. peer)
  if isRepaired then return false end
  if entry and not (other and other.offset > entry.offset) then take(entry, other) end
  after, scanned = score, scanned + 1
  return count < limit and scanned < MAX_SCANNED
end

local function scan()
  while true do
    local list = call('ZRANGEBYSCORE', K.peers, '(' .. after, -user.first, 'WITHSCORES', 'LIMIT', 0, math.min(2 * limit, CHUNK))
    if #list == 0 then return '' end
    for n = 1, #list, 2 do
      if not visit(list[n], list[n + 1]) then return after end
    end
  end
end

local goesOn = scan()
return reply_list(found, epoch_of(user), user.readOffset, goesOn)
