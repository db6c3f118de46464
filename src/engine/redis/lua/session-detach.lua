-- The connection of a session is lost: the session is held. Returns whether that connection carried it.
local user = load(K.user)
settle(user)
local row = carried(arg(1), arg(2))
if row then
  row.l = now
  hold(row, tonumber(arg(3)))
  finish(user)
  settle(user)
end
finish(user)
return reply(row and 1 or 0)
