-- Removes the user's own revocation.
-- KEYS: user, deadlines.
-- ARGV: none.
-- Returns 1 if there was one, else 0.
local user = load(K.user)
if not user.revokedBefore then return reply(0) end
set(user, 'revokedBefore', nil)
store(user)
return reply(1)
