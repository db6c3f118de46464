-- The client has answered a ping.
local user = load(K.user)
settle(user)
local row = carried(arg(1), arg(2))
if row then
  row.l, row.r = now, tonumber(arg(3))
  put(row)
end
finish(user)
return reply()
