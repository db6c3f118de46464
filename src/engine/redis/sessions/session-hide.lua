-- Stores that a session's page was hidden or shown.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch.
-- ARGV: 1 the session; 2 the connection; 3 `1` if the page is hidden.
-- Returns nothing.
local isHidden = arg(3) == '1'
local user = load(K.user)
end_due_sessions(user)
local row = attached(arg(1), arg(2))
if row and isHidden ~= (row[SESSION.hiddenSince] ~= nil) then
  row[SESSION.hiddenSince] = isHidden and next_number() or nil
  put(row)
end
finish(user)
return reply()
