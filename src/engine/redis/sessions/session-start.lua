-- Starts or resumes a session, unless its credential is revoked.
-- KEYS: user, sessions, queue, counts, due, events, pending, appQueue, users, live, deadlines, attached, state, watch, revoked, tombs.
-- ARGV: 1 the id of a new session; 2 the connection; 3 the hash of the resume key; 4 the hash of the key that resumes a session; empty
--   for none; 5 for how many milliseconds the session is resumable; 6 how many sessions the user may have; 7 `1` if the page is hidden; 8
--   `1` for a guest; 9 the authentication method; 10 the token; empty for none; 11 when the credential was issued; empty if that is
--   unknown; 12 the credential as JSON; 13 the facts of the client as JSON; 14 the name of the note at the token; empty for none; 15 when
--   the user was created; empty if the start does not depend on it.
-- Returns 0 if the credential is revoked, that user is deleted, or the start was abandoned; else 1, 1 if a session was resumed, the
--   session's id and row, the number of the inbox's epoch, its newest offset, and the generation.
local id, connection, key, resumes = arg(1), arg(2), arg(3), optional(4)
local resumableFor, limit, isHidden, isGuest = tonumber(arg(5)), tonumber(arg(6)), arg(7) == '1', arg(8) == '1'
local authMethod, token, issuedAt = arg(9), optional(10), tonumber(arg(11))
local user = load(K.user)
local before = revoked_before(user)
local isRevoked = (before and (not issuedAt or issuedAt <= before)) or (token and call('HEXISTS', K.tombs, token) == 1)
local isGone = optional(15) and user.createdAt ~= tonumber(arg(15))
if isRevoked or isGone or call('HEXISTS', K.tombs, connection) == 1 then
  release_token(arg(12), optional(14))
  return reply(0)
end
end_due_sessions(user)
local wasOnline = presence(user)

local row
for _, each in pairs(sessions()) do
  local keys = resumes and '\n' .. each[SESSION.keyHash] .. '\n' .. (each[SESSION.previousKeyHash] or '') .. '\n'
  if keys and string.find(keys, '\n' .. resumes .. '\n', 1, true) then row = each end
end
local isResumed = row ~= nil
local replaced = {}
if isResumed then
  release_token(row[SESSION.credential], row[SESSION.tokenUse])
  local replacedId = row[SESSION.connectionId]
  if replacedId then emit(row[SESSION.nodeId], { EVENT.connectionReplaced, appId, userId, row.id, replacedId }) end
  -- Two starts with one resume key may be on their way, and the client may keep the answer to the first one. So the previous key stays
  -- valid.
  local key = row[SESSION.keyHash]
  row[SESSION.previousKeyHash] = key == resumes and key or resumes .. '\n' .. key
  for _, field in ipairs({ SESSION.detached, SESSION.expiresAt, SESSION.offlineAt, SESSION.offline }) do row[field] = nil end
else
  row = { id = id, [SESSION.number] = next_number(), [SESSION.startedAt] = now, [SESSION.guest] = isGuest and 1 or 0 }
  local others = {}
  for _, each in pairs(sessions()) do others[#others + 1] = each end
  -- Returns by which field of `RULES.makesRoom` a session makes room, and the number in that field.
  local function rank(each)
    for group, field in ipairs(RULES.makesRoom) do
      local number = each[SESSION[field]]
      if number then return group, number end
    end
  end
  table.sort(others, function(a, b)
    local groupA, numberA = rank(a)
    local groupB, numberB = rank(b)
    return groupA < groupB or (groupA == groupB and numberA < numberB)
  end)
  for n = 1, #others - math.max(limit - 1, 0) do
    replaced[n] = others[n]
    remove(user, others[n])
  end
  call('ZADD', K.live, row[SESSION.number], row.id .. '\0' .. userId)
  count('sessions', 1)
end
row[SESSION.lastSeenAt], row[SESSION.resumableFor] = now, resumableFor
row[SESSION.connectionId], row[SESSION.nodeId], row[SESSION.keyHash] = connection, self, key
row[SESSION.starts] = (row[SESSION.starts] or 0) + 1
if isHidden ~= (row[SESSION.hiddenSince] ~= nil) then row[SESSION.hiddenSince] = isHidden and next_number() or nil end
row[SESSION.authMethod], row[SESSION.token], row[SESSION.issuedAt] = authMethod, token, issuedAt
row[SESSION.credential], row[SESSION.facts], row[SESSION.tokenUse] = arg(12), arg(13), optional(14)
local json = put(row)
if isGuest then set(user, 'keptUntil', nil) end
for _, old in ipairs(replaced) do report_end(user, old, 'too-many-sessions', true) end
if not isResumed and asked['session.started'] then add_event(user, 'session.started', facts_of(row)) end
if not wasOnline then add_presence_event(user, false) end
finish(user)
return reply(1, isResumed and 1 or 0, row.id, json, epoch_of(user), user.newest, stored_generation())
