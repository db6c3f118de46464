-- Holds a user's sessions whose connections a node carried, because the node was closed or has died.
local node = arg(1)
local user = load(K.user)
settle(user)
for _, row in pairs(sessions()) do
  if row.c and row.i == node then hold(row, row.hf) end
end
call('ZREM', K.attached, node .. '\0' .. member)
finish(user)
return reply()
