-- Starts or resumes a session, unless its credential is revoked.
-- KEYS: …sessions, revoked, tombs, inbox.
-- ARGV: 1 the id of a new session; 2 the connection; 3 the hash of the key that resumes a session (empty for none); 4 how many sessions the
--   user may have; 5 `1` if the page is hidden; 6 `1` for a guest; 7 the token's `tokenHash` (empty for none); 8 when the credential was
--   issued (empty if that is unknown); 9 the time at which the user must have been created (empty for any); 10 the fields of the session's
--   row that the caller knows, as JSON without the first brace; 11 the number of the epoch of the position after which the client's messages
--   begin (empty for none); 12 the offset of that position.
-- Returns 0 if the credential is revoked, if the user was not created at that time, or if `session-abandon` ran first; else ten values:
--   1; 1 if a session was resumed, else 0; the session's id; the session's row; the number of the server's history (`lua/state.lua`); 1 if
--   messages after the position are gone, else 0; and the state of the inbox, as `inbox-page` returns it.
await_epochs()
local id, connection, resumes, limit = arg(1), arg(2), optional(3), tonumber(arg(4))
local isHidden, isGuest, token, issuedAt, known = arg(5) == '1', arg(6) == '1', optional(7), tonumber(arg(8)), arg(10)
local user = load(K.user)
local isGone = optional(9) and user.createdAt ~= tonumber(arg(9))
if is_revoked(user, issuedAt, token) or isGone or call('HEXISTS', K.tombs, connection) == 1 then
  local row = cjson.decode('{' .. known)
  release_token(row[SESSION.credential], row[SESSION.tokenUse])
  return reply(0)
end
end_due_sessions(user)
-- The row of the session that is resumed; nil for a new one.
local old
for _, each in pairs(sessions()) do
  local keys = resumes and '\n' .. each[SESSION.keyHash] .. '\n' .. (each[SESSION.previousKeyHash] or '') .. '\n'
  if keys and string.find(keys, '\n' .. resumes .. '\n', 1, true) then old = each end
end
local wasOnline = presence(user)

local row, json
local replaced = {}
if old then
  release_token(old[SESSION.credential], old[SESSION.tokenUse])
  report_replaced(old)
  row = cjson.decode('{' .. known)
  row.id, row[SESSION.lastSeenAt], row[SESSION.starts] = old.id, now, (old[SESSION.starts] or 0) + 1
  row[SESSION.number], row[SESSION.startedAt], row[SESSION.guest] = old[SESSION.number], old[SESSION.startedAt], old[SESSION.guest]
  row[SESSION.hiddenSince] = isHidden and (old[SESSION.hiddenSince] or next_number()) or nil
  -- Perhaps two starts with one resume key are on their way, and the client keeps the answer to the first. So two keys stay valid beside
  -- the new one: `key`, which the first start has given out, and `resumes`, which this start has sent.
  local key = old[SESSION.keyHash]
  row[SESSION.previousKeyHash] = key == resumes and key or resumes .. '\n' .. key
  json = put(row)
else
  if total >= limit then replaced = make_room(user, limit) end
  local number, at = whole(next_number()), whole(now)
  local hidden = isHidden and '"' .. SESSION.hiddenSince .. '":' .. whole(next_number()) .. ',' or ''
  json = '{"' .. SESSION.number .. '":' .. number .. ',"' .. SESSION.startedAt .. '":' .. at .. ',"' .. SESSION.lastSeenAt .. '":' .. at
    .. ',"' .. SESSION.starts .. '":1,' .. hidden .. known
  -- If no webhook asks for `session.started`, the script needs only two fields of the row, so it does not decode the JSON.
  row = asked['session.started'] and cjson.decode(json) or { [SESSION.nodeId] = self, [SESSION.lastSeenAt] = now }
  row.id = id
  put(row, json)
  call('ZADD', K.live, number, id .. '\0' .. userId)
  count('sessions', 1)
end
if isGuest then set(user, 'keptUntil', nil) end
for _, each in ipairs(replaced) do
  report_end(user, each, 'too-many-sessions', true)
  bury(each.id, RULES.startTimeout)
end
if not old and asked['session.started'] then add_event(user, 'session.started', facts_of(row)) end
if not wasOnline then add_presence_event(user, false) end
finish(user)
local isLost = optional(11) and select(2, read_after(K, user, tonumber(arg(11)), tonumber(arg(12)), 1))
return reply(1, old and 1 or 0, row.id, json, history_number(), isLost and 1 or 0, epoch_of(user), user.newest, user.readOffset, user.unread)
