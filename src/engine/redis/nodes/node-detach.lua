-- Detaches the sessions of a user that are attached to a node, because the node was closed or has died.
-- KEYS: user, sessions, queue, counts, due, events, pending, users, live, deadlines, attached, state.
-- ARGV: 1 the node.
-- Returns nothing.
local node = arg(1)
local user = load(K.user)
end_due_sessions(user)
for _, row in pairs(sessions()) do
  if row[SESSION.connectionId] and row[SESSION.nodeId] == node then detach(row, row[SESSION.resumableFor]) end
end
call('ZREM', K.attached, node .. '\0' .. member)
finish(user)
return reply()
