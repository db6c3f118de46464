-- Ends a session; with a connection's id, only if that connection carries it.
local connection = optional(3)
local user = load(K.user)
settle(user)
local row = sessions()[arg(1)]
if not row or (connection and row.c ~= connection) then
  finish(user)
  return reply(0)
end
local wasOnline = presence()
if row.c then row.l = now end
finish_session(user, row, arg(2), wasOnline)
finish(user)
return reply(1)
