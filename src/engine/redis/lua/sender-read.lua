-- Counts a message whose recipient is in another partition. Returns the milliseconds until its sender may send one, or 0 and what the
-- message says about its sender, the sender's epoch, and whether the sender has no inbox yet.
local wait = take_message(K.rate, tonumber(arg(1)))
if wait > 0 then return reply(wait) end
local user = load(K.user)
return reply(0, user.s or 'null', user.e, user.last == 0 and 1 or 0)
