-- The client has its new resume key: the one before is no longer valid.
local user = load(K.user)
settle(user)
local row = carried(arg(1), arg(2))
if row then
  row.l, row.p = now, nil
  put(row)
end
finish(user)
return reply()
