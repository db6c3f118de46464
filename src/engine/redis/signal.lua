-- Sends a signal to the nodes whose connections carry the user's sessions. Nothing is stored.
-- KEYS: user.
-- ARGV: 1 the signal as JSON.
-- Returns nothing.
emit(call('HGET', K.user, USER.nodes) or nil, { type = 'signal', appId = appId, userId = userId, signal = arg(1) })
return reply()
