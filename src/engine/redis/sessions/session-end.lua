-- Ends a session.
-- KEYS: …sessions, tombs.
-- ARGV: 1 the session; 2 the code of the end; 3 the connection that must carry the session (empty for any); 4 `1` if a recovery makes the
--   end again.
-- Returns 1 if the session has ended, 0 if there is no such session or another connection carries it; and the number of the server's
--   history (`lua/state.lua`).
local connection, isRepeated = optional(3), arg(4) == '1'
local user = load(K.user)
end_due_sessions(user)
local row = sessions()[arg(1)]
-- The node that has started the session perhaps does not learn of an end that names no connection. This note keeps it from making the start
-- again after a failover. If a recovery makes the end again, that node perhaps makes the start again only later.
if not connection and (row or isRepeated) then bury(arg(1)) end
if not row or (connection and row[SESSION.connectionId] ~= connection) then
  finish(user)
  return reply(0, history_number())
end
end_session(user, row, arg(2))
finish(user)
return reply(1, history_number())
