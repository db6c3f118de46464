-- Returns the newest messages before an offset.
local user = load(K.user)
if tonumber(arg(1)) ~= epoch_of(user) then return reply(0) end
local to = math.min((tonumber(arg(2)) or user.last + 1) - 1, user.last)
local found = {}
if user.first <= to then
  local raw = call('XREVRANGE', K.inbox, to .. '-9', user.first .. '-0', 'COUNT', arg(3))
  for n = #raw, 1, -1 do
    local entry = entry_of(raw[n])
    found[#found + 1] = message_of(entry.offset, entry.m)
  end
end
return reply(1, found)
