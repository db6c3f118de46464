-- Gives a session another credential, unless that one is revoked. If another connection carries the session, nothing changes.
-- KEYS: user, sessions, queue, counts, due, events, pending, users, live, deadlines, attached, state, revoked, tombs.
-- ARGV: 1 the session; 2 the connection; 3 the authentication method; 4 the token; empty for none; 5 when the credential was issued;
--   empty if that is unknown; 6 the credential as JSON.
-- Returns 0 if the credential is revoked, else 1.
local token, issuedAt = optional(4), tonumber(arg(5))
local user = load(K.user)
local before = revoked_before(user)
if (before and (not issuedAt or issuedAt <= before)) or (token and call('HEXISTS', K.tombs, token) == 1) then return reply(0) end
end_due_sessions(user)
local row = attached(arg(1), arg(2))
if row then
  row[SESSION.authMethod], row[SESSION.token] = arg(3), token
  row[SESSION.issuedAt], row[SESSION.credential] = issuedAt, arg(6)
  put(row)
end
finish(user)
return reply(1)
