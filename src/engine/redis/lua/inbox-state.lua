-- Returns the state of an inbox.
local user = load(K.user)
return reply(user.e, user.last, user.rd, user.un)
