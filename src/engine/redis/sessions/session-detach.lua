-- Detaches a session whose connection is lost.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch.
-- ARGV: 1 the session; 2 the connection; 3 the milliseconds for which the session is resumable (empty for the number in its row).
-- Returns 1 if this connection carried the session, else 0; and the number of the server's history (`lua/state.lua`).
local user = load(K.user)
end_due_sessions(user)
local row = attached(arg(1), arg(2))
if row then
  row[SESSION.lastSeenAt] = now
  detach(row, tonumber(arg(3)) or row[SESSION.resumableFor])
  finish(user)
  end_due_sessions(user)
end
finish(user)
return reply(row and 1 or 0, history_number())
