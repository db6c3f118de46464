-- Undoes a session's start whose reply was lost: the gateway has refused the connection. If the start comes to Redis after this call, the
-- start is refused.
-- KEYS: …sessions, tombs.
-- ARGV: 1 the connection; 2 the id for a new session, in case the start resumed none; 3 the milliseconds for which a resumed session stays
--   resumable.
-- Returns 1 if the start had run, else 0.
local connection = arg(1)
bury(connection, RULES.startTimeout)
local user = load(K.user)
end_due_sessions(user)
local found
for _, row in pairs(sessions()) do
  if row[SESSION.connectionId] == connection then found = row end
end
if found then
  if found.id == arg(2) then
    -- Nobody can resume the new session, because the client has not received its resume key.
    end_session(user, found, 'ended')
  else
    found[SESSION.lastSeenAt] = now
    detach(found, tonumber(arg(3)))
  end
end
finish(user)
return reply(found and 1 or 0)
