-- Publishes a signal to the nodes to which the user's sessions are attached. Nothing is stored.
-- KEYS: user.
-- ARGV: 1 the signal as JSON.
-- Returns nothing.
emit(call('HGET', K.user, USER.nodes) or nil, { EVENT.signal, appId, userId, arg(1) })
return reply()
