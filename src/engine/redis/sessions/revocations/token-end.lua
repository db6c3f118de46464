-- Ends a user's sessions whose credential is a revoked token. Many sessions take several calls. A session's start that has checked the
-- token before the revocation finds the token in `tombs`, and is refused.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch, tombs.
-- ARGV: 1 the token's `tokenHash`; 2 what the call before has returned (empty for the first call).
-- Returns argument 2 of the next call; false if this call was the last.
local token = arg(1)
bury(token, RULES.startTimeout)
local user = load(K.user)
local following, isPage = read_step(user, arg(2))
local found = {}
for _, row in pairs(sessions()) do
  if row[SESSION.token] == token then found[#found + 1] = row end
end
sort_by(found, SESSION.number)
for _, row in ipairs(found) do
  local wasOnline = presence(user)
  if row[SESSION.connectionId] then row[SESSION.lastSeenAt] = now end
  end_session(user, row, 'revoked', wasOnline)
end
finish(user, isPage)
return reply(following or false)
