-- Returns who is online, and what else is known of a user without reading messages.
local user = load(K.user)
settle(user)
local online, count = presence()
local seen = user.ls
for _, row in pairs(sessions()) do
  if not seen or row.l > seen then seen = row.l end
end
finish(user)
return reply(online and 1 or 0, count, seen or false, revoked_before(user) or false, user.un)
