-- Adds messages to an inbox whose offsets are stored. Messages that are there already are left out.
-- KEYS: user, inbox, unread, aging, counts, held.
-- ARGV: 1 for each message: the offset; 2 the JSON; 3 the bytes; 4 the age in milliseconds; 5 the sender; empty for the backend;
--   6 `1` if it counts as read.
-- Returns nothing.
local user = load(K.user)
local newest = call('XREVRANGE', K.inbox, '+', '-', 'COUNT', 1)[1]
local after = newest and entry_of(newest).offset or 0
for n = 1, #ARGV - 9, 6 do
  local offset, json, size, at, from = tonumber(arg(n)), arg(n + 1), tonumber(arg(n + 2)), now - tonumber(arg(n + 3)), arg(n + 4)
  if offset > after then
    local fields = { ENTRY.message, json, ENTRY.bytes, size, ENTRY.storedAt, at, ENTRY.from, from }
    local isRead = arg(n + 5) == '1'
    if isRead then
      fields[#fields + 1] = ENTRY.read
      fields[#fields + 1] = 1
    end
    call('XADD', K.inbox, string.format('%.0f', offset) .. '-1', unpack(fields))
    if after == 0 then
      set(user, 'oldestAt', at)
      call('ZADD', K.aging, at, userId)
    end
    after = offset
    set(user, 'bytes', user.bytes + size)
    count('bytes', size)
    hold(from, userId, size)
    if is_unread(K, user, userId, { offset = offset, [ENTRY.from] = from, [ENTRY.read] = isRead }) then
      set(user, 'unread', user.unread + 1)
      call('HINCRBY', K.unread, UNREAD.messages .. from, 1)
      call('HINCRBY', K.unread, UNREAD.bytes .. from, size)
    end
  end
end
store(user)
return reply()
