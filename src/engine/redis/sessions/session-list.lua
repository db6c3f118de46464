-- Reads a user's sessions.
-- KEYS: …sessions.
-- ARGV: none.
-- Returns for each session its id and its row.
local user = load(K.user)
end_due_sessions(user)
finish(user)
return reply_list(call('HGETALL', K.sessions))
