-- Returns what a message in another partition says about its sender, the sender's epoch, and whether the sender has no inbox yet.
local user = load(K.user)
return reply(user.s or 'null', user.e, user.last == 0 and 1 or 0)
