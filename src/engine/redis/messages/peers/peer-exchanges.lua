-- Reads for each of some peers whether an inbox has messages from the peer and to the peer.
-- KEYS: user, inbox, unread, aging, peers.
-- ARGV: the peers' ids, empty for the backend.
-- Returns 1 if the step has to run again, else 0, and for each peer 1 if there is a message from the peer, and 1 if there is one to the peer.
local user, found = load_inbox(K.user), {}
for n = 1, arg_count() do
  local peer = arg(n)
  local received, sent = newest_of(user, 'r' .. peer), newest_of(user, 's' .. peer)
  found[#found + 1] = (received or (sent and peer == userId)) and 1 or 0
  found[#found + 1] = sent and 1 or 0
end
return reply_list(found, isRepaired and 1 or 0)
