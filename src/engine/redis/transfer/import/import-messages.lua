-- Adds messages to an inbox whose first and newest offsets are stored already. Leaves out messages that the inbox already has.
-- KEYS: user, inbox, unread, aging, peerLog, counts, held.
-- ARGV: six arguments for each message: its offset; its JSON; its age in milliseconds; its sender (empty for the backend); its recipient;
--   `1` if it counts as read wherever the mark stands (else empty).
-- Returns nothing.
local user = load(K.user)
local newest = call('XREVRANGE', K.inbox, '+', '-', 'COUNT', 1)[1]
local after = newest and entry_of(newest).offset or 0
for n = 1, arg_count(), 6 do
  local offset, json, at, from, to = tonumber(arg(n)), arg(n + 1), now - tonumber(arg(n + 2)), arg(n + 3), arg(n + 4)
  if offset > after then
    local size = #json + RULES.messageOverhead
    call('RPUSH', K.peerLog, arg(n) .. ' ' .. add_entry(K, userId, arg(n), json, from, to, whole(at), arg(n + 5) == '1'))
    if after == 0 then
      user.oldestAt = at
      call('ZADD', K.aging, at, userId)
    end
    after = offset
    user.bytes = user.bytes + size
    count('bytes', size)
    hold(from, userId, size)
    if is_unread(K, user, entries(K, offset, offset, 1)[1]) then
      user.unread = user.unread + 1
      call('HINCRBY', K.unread, UNREAD.messages .. from, 1)
      call('HINCRBY', K.unread, UNREAD.bytes .. from, size)
    end
  end
end
store(user)
return reply()
