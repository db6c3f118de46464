-- Reads a user's presence, number of sessions, revocation, and number of unread messages.
-- KEYS: …sessions, revoked.
-- ARGV: none.
-- Returns five values: 1 if the user is online, else 0; the number of sessions; when the user was last seen, or false; the time of the
--   revocation (credentials that were issued up to then are revoked), or false; the number of unread messages.
local user = load(K.user)
end_due_sessions(user)
local online, count = presence(user)
local seen = user.lastSeenAt
for _, row in pairs(sessions()) do
  -- A session with a connection counts as seen now, because only the gateway of the connection knows when the client last answered.
  local at = row[SESSION.connectionId] and now or row[SESSION.lastSeenAt]
  if not seen or at > seen then seen = at end
end
finish(user)
return reply(online and 1 or 0, count, seen or false, revoked_before(user) or false, user.unread)
