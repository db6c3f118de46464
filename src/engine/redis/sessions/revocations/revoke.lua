-- Ends the sessions that a revocation concerns, or asks their clients for other credentials. Many sessions take several calls.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch, revoked, tombs.
-- ARGV: 1 `1` to store the revocation as the user's own; 2 the time up to which issued credentials are revoked (empty for now); 3 the mode:
--   `end` to end sessions, any other to ask for credentials; 4 the number up to which the revocation concerns sessions whatever their
--   credentials (empty for none, `all` for the newest number); 5 the last value that the call before has returned (empty for the first
--   call).
-- Returns the time up to which issued credentials are revoked; the number of argument 4, or false for none; and argument 5 of the next
--   call, or false if this call was the last.
local mode = arg(3)
local upTo = tonumber(arg(4) == 'all' and (call('HGET', K.numbers, 'session') or 0) or arg(4))
local user = load(K.user)
local following, isPage = read_step(user, arg(5))
local before = tonumber(arg(2)) or now
if arg(1) == '1' then
  set(user, 'revokedBefore', math.max(before, user.revokedBefore or before))
end
before = math.max(before, revoked_before(user) or before)
local concerned = {}
for _, row in pairs(sessions()) do
  local issuedAt = row[SESSION.issuedAt]
  if not issuedAt or issuedAt <= before or (upTo and row[SESSION.number] <= upTo) then concerned[#concerned + 1] = row end
end
sort_by(concerned, SESSION.number)
for _, row in ipairs(concerned) do
  if mode == 'end' then
    local wasOnline = presence(user)
    if row[SESSION.connectionId] then row[SESSION.lastSeenAt] = now end
    local issuedAt = row[SESSION.issuedAt]
    -- By the time of the revocation this credential is not revoked. So without this note a recovery may make the start again.
    if issuedAt and issuedAt > before then bury(row.id) end
    end_session(user, row, 'revoked', wasOnline)
  else
    emit(row[SESSION.nodeId] or self, { EVENT.reauth, appId, userId, row.id })
  end
end
finish(user, isPage)
-- The call whose argument 5 is `last` writes what follows from the sessions that the calls before it have ended. Unless the mode is `end`,
-- no session has ended, so this call is left out.
if mode ~= 'end' and following == 'last' then following = nil end
return reply(before, upTo or false, following or false)
