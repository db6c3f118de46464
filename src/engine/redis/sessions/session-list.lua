-- Reads a user's sessions.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch.
-- ARGV: none.
-- Returns for each session its id and its row.
local user = load(K.user)
end_due_sessions(user)
finish(user)
return reply_list(call('HGETALL', K.sessions))
