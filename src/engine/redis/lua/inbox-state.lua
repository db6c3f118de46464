-- Returns the state of an inbox.
local user = load(K.user)
return reply(epoch_of(user), user.last, user.rd, user.un)
