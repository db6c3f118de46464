-- Reads whom the messages after an offset are with, or so many of them as one step reads; and what is read of peers, and messages.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the number of the epoch that the caller knows; 2 the offset; that of another epoch counts as 0; 3 how many messages at most; 4 how
--   many peers follow; then the peers' ids, empty for the backend; then the offsets of messages.
-- Returns the number of the epoch, the newest offset, the oldest that is retained, the read offset, 1 if the caller's epoch is another one;
--   for each peer the number of unread messages and the offset of the mark; the messages as JSON; how many messages after the offset were
--   read, the offset of the first of them, and a text that says of each offset from there on whom its message is with: `r` and the sender of a
--   message that counts as unread until it is marked, `x` and the sender of another message from someone else, `s` and the recipient of an
--   own message as JSON, and nothing for an offset without a message. NUL separates them: a reply of many values would take ten times as long.
local user = load(K.user)
local isOther = tonumber(arg(1)) ~= epoch_of(user)
local from = math.max(isOther and 1 or tonumber(arg(2)) + 1, user.first)

local peers, messages, found = {}, {}, {}
local peerCount = tonumber(arg(4))
for n = 5, 4 + peerCount do
  peers[#peers + 1] = tonumber(call('HGET', K.unread, UNREAD.messages .. arg(n)) or 0)
  peers[#peers + 1] = (mark_of(K, user, arg(n)))
end
for n = 5 + peerCount, #ARGV - 9 do
  local entry = entries(K, arg(n), arg(n), 1)[1]
  if entry then messages[#messages + 1] = message_of(entry.offset, entry[ENTRY.message]) end
end
local count, start, expected = 0, from, from
if from <= user.newest then
  for _, raw in ipairs(call('XRANGE', K.inbox, string.format('%.0f-0', from), '+', 'COUNT', arg(3))) do
    local offset, fields = tonumber(string.match(raw[1], '^%d+')), raw[2]
    -- `append` writes the message first, the sender fourth, and the mark of a read message last. A table of each entry would take longer.
    local sender = fields[8]
    count = count + 1
    if count == 1 then start, expected = offset, offset end
    for _ = expected, offset - 1 do found[#found + 1] = '' end
    expected = offset + 1
    if sender == userId then
      found[#found + 1] = 's' .. recipient_of(fields[2])
    else
      found[#found + 1] = (fields[9] and 'x' or 'r') .. sender
    end
  end
end
return reply(epoch_of(user), user.newest, user.first, user.readOffset, isOther and 1 or 0, peers, messages, count, start,
  table.concat(found, '\0'))
