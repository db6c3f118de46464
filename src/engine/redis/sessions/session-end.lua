-- Ends a session.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch.
-- ARGV: 1 the session; 2 the code of the end; 3 the connection that must carry the session (empty for any).
-- Returns 1 if the session has ended, 0 if there is no such session or another connection carries it; and the generation of the epochs
--   (`lua/state.lua`).
local connection = optional(3)
local user = load(K.user)
end_due_sessions(user)
local row = sessions()[arg(1)]
if not row or (connection and row[SESSION.connectionId] ~= connection) then
  finish(user)
  return reply(0, stored_generation())
end
local wasOnline = presence(user)
if row[SESSION.connectionId] then row[SESSION.lastSeenAt] = now end
end_session(user, row, arg(2), wasOnline)
finish(user)
return reply(1, stored_generation())
