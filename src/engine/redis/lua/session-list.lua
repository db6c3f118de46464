-- Returns a user's sessions with their ids.
local user = load(K.user)
settle(user)
finish(user)
return reply(unpack(call('HGETALL', K.sessions)))
