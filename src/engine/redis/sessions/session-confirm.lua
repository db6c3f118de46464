-- Forgets the previous resume key, because the client has the latest one.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch.
-- ARGV: 1 the session; 2 the connection.
-- Returns nothing.
local user = load(K.user)
end_due_sessions(user)
local row = attached(arg(1), arg(2))
if row then
  row[SESSION.lastSeenAt], row[SESSION.previousKeyHash] = now, nil
  put(row)
end
finish(user)
return reply()
