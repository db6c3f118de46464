-- Makes a session's start again: an earlier master has acknowledged the start, and perhaps this server lacks it.
-- KEYS: …sessions, revoked, tombs.
-- ARGV: 1 the session; 2 its row, as the start has stored it; 3 `1` if the session has ended since (then the script makes no new row,
--   but replaces the row of an earlier start, so that `session-end`, which runs next, finds the connection of this start).
-- Returns 1 if the start was made again, else 0.
local row = cjson.decode(arg(2))
local user = load(K.user)
end_due_sessions(user)
row.id = arg(1)
local stored = sessions()[row.id]
-- This end may be made again before another node makes an earlier start of the session again.
if arg(3) == '1' then bury(row.id, nil, row[SESSION.starts]) end
local isLost, isOutdated = not stored and arg(3) ~= '1', stored and (stored[SESSION.starts] or 0) < row[SESSION.starts]
-- The server has every write from before `wholeUntil`. If it lacks the row of a start from before then, the session has ended since.
local wholeUntil = tonumber(call('HGET', K.state, STATE.wholeUntil) or 0)
if isLost and row[SESSION.lastSeenAt] - shift < wholeUntil then isLost = false end
-- Another node has ended the session, or a user has adopted the guest, which ends all of the guest's sessions.
local isAdopted = user.adoption and not user.createdAt
local tomb = isLost and call('HGET', K.tombs, row.id)
local hasEnded = isAdopted or (tomb and tonumber(string.match(tomb, '^%S+')) >= row[SESSION.starts])
if hasEnded or is_revoked(user, row[SESSION.issuedAt], row[SESSION.token]) or not (isLost or isOutdated) then
  finish(user)
  return reply(0)
end
local wasOnline = presence(user)
if isOutdated then
  release_token(stored[SESSION.credential], stored[SESSION.tokenUse])
  report_replaced(stored)
else
  -- Perhaps the server has given the number in the row to another session, so this session gets a new one.
  row[SESSION.number] = next_number()
  call('ZADD', K.live, row[SESSION.number], row.id .. '\0' .. userId)
  count('sessions', 1)
end
if row[SESSION.hiddenSince] then row[SESSION.hiddenSince] = next_number() end
put(row)
if row[SESSION.guest] == 1 then set(user, 'keptUntil', nil) end
if isLost and asked['session.started'] then add_event(user, 'session.started', facts_of(row)) end
if not wasOnline then add_presence_event(user, false) end
finish(user)
return reply(1)
