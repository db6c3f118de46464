-- Changes a session that a connection carries.
-- KEYS: …sessions.
-- ARGV: 1 the session; 2 the connection; 3 `confirm` to forget the previous resume key, because the client has the latest one; `hide` or
--   `show` if the session's page was hidden or shown; `detach` if the connection is lost; 4 for `detach` the milliseconds for which the
--   session is resumable (empty for the number in its row).
-- Returns 1 if this connection carried the session, else 0; and the number of the server's history (`lua/state.lua`).
local change = arg(3)
local user = load(K.user)
end_due_sessions(user)
local row = attached(arg(1), arg(2))
if row and change == 'confirm' then
  row[SESSION.lastSeenAt], row[SESSION.previousKeyHash] = now, nil
  put(row)
elseif row and change == 'detach' then
  row[SESSION.lastSeenAt] = now
  detach(row, tonumber(arg(4)) or row[SESSION.resumableFor])
  finish(user)
  end_due_sessions(user)
elseif row and (change == 'hide') ~= (row[SESSION.hiddenSince] ~= nil) then
  row[SESSION.hiddenSince] = change == 'hide' and next_number() or nil
  put(row)
end
finish(user)
return reply(row and 1 or 0, history_number())
