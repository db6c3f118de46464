-- The session's page was hidden or shown.
local isHidden = arg(3) == '1'
local user = load(K.user)
settle(user)
local row = carried(arg(1), arg(2))
if row and isHidden ~= (row.h ~= nil) then
  row.h = isHidden and next_number() or nil
  put(row)
end
finish(user)
return reply()
