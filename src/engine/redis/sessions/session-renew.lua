-- Gives a session a new credential. If the new credential is revoked, or if another connection carries the session, the session keeps its
-- old credential.
-- KEYS: …sessions, revoked, tombs.
-- ARGV: 1 the session; 2 the connection; 3 the authentication method; 4 the token's `tokenHash` (empty for none); 5 when the credential was
--   issued (empty if that is unknown); 6 the credential as JSON; 7 the name of the note about this session in the token's
--   Redis hash (empty for no token).
-- Returns 0 if the credential is revoked, else 1.
local token, issuedAt, use = optional(4), tonumber(arg(5)), optional(7)
local user = load(K.user)
if is_revoked(user, issuedAt, token) then
  release_token(arg(6), use)
  return reply(0)
end
end_due_sessions(user)
local row = attached(arg(1), arg(2))
if row then
  -- If the script runs twice, the row names the new note already. That note must stay: by it a revocation of the token finds this session.
  if row[SESSION.tokenUse] ~= use then release_token(row[SESSION.credential], row[SESSION.tokenUse]) end
  row[SESSION.authMethod], row[SESSION.token] = arg(3), token
  row[SESSION.issuedAt], row[SESSION.credential], row[SESSION.tokenUse] = issuedAt, arg(6), use
  put(row)
else
  release_token(arg(6), use)
end
finish(user)
return reply(1)
