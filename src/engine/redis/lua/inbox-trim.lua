-- Deletes a user's messages that are not retained, to make room in the app's quota.
local user = load(K.user)
expire(K, user, userId, tonumber(arg(3)))
trim(K, user, userId, { messages = tonumber(arg(1)), bytes = tonumber(arg(2)) })
store(user)
return reply()
