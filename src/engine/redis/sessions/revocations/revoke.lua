-- Ends the sessions that a revocation concerns, or asks their clients for other credentials. Many sessions take several calls.
-- KEYS: …sessions, revoked, tombs.
-- ARGV: 1 `1` to store the revocation as the user's own; 2 the time up to which issued credentials are revoked (empty for now); 3 the mode:
--   `end` to end sessions, any other to ask for credentials; 4 the number up to which the revocation concerns sessions whatever their
--   credentials (empty for none, `all` for the newest number); 5 the last value that the call before has returned (empty for the first
--   call); 6 the `tokenHash` of a token, if the revocation is that of the token (else empty).
-- Returns the time up to which issued credentials are revoked; the number of argument 4, or false for none; and argument 5 of the next
--   call, or false if this call was the last.
local mode, token = arg(3), optional(6)
-- A session's start that has checked the token before its revocation finds this note, and is refused.
if token then bury(token, RULES.startTimeout) end
local upTo = tonumber(arg(4) == 'all' and (call('HGET', K.numbers, 'session') or 0) or arg(4))
local user = load(K.user)
local following, isPage = read_step(user, arg(5))
local before = tonumber(arg(2)) or now
if arg(1) == '1' then
  set(user, 'revokedBefore', math.max(before, user.revokedBefore or before))
end
before = math.max(before, revoked_before(user) or before)
local function is_concerned(row)
  if token then return row[SESSION.token] == token end
  local issuedAt = row[SESSION.issuedAt]
  return not issuedAt or issuedAt <= before or (upTo and row[SESSION.number] <= upTo)
end
local concerned = {}
for _, row in pairs(sessions()) do
  if is_concerned(row) then concerned[#concerned + 1] = row end
end
sort_by(concerned, SESSION.number)
for _, row in ipairs(concerned) do
  if mode == 'end' then
    local issuedAt = row[SESSION.issuedAt]
    -- By the time of the revocation this credential is not revoked. So without this note a recovery may make the start again.
    if not token and issuedAt and issuedAt > before then bury(row.id) end
    end_session(user, row, 'revoked')
  else
    emit(row[SESSION.nodeId] or self, { type = 'reauth', appId = appId, userId = userId, sessionId = row.id })
  end
end
finish(user, isPage)
-- The call whose argument 5 is `last` writes what follows from the sessions that the calls before it have ended. Unless the mode is `end`,
-- no session has ended, so this call is left out.
if mode ~= 'end' and following == 'last' then following = nil end
return reply(before, upTo or false, following or false)
