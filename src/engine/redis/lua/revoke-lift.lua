-- Removes the user's own revocation.
local user = load(K.user)
if not user.rb then return reply(0) end
set(user, 'rb', nil)
store(user)
return reply(1)
