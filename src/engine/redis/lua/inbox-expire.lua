-- Deletes a user's expired messages, and then a guest without any.
local user = load(K.user)
local isUnfinished = expire(K, user, userId, tonumber(arg(1)))
if user.first > user.last then
  call('ZREM', K.aging, userId)
  forget_guest(user)
end
finish(user)
return reply(isUnfinished and 1 or 0)
