-- Moves the read mark.
local user = load(K.user)
if tonumber(arg(1)) ~= epoch_of(user) then return reply(0) end
local target = math.min(tonumber(arg(2)), user.last)
if target > user.rd then
  if target == user.last then
    call('DEL', K.unread)
    set(user, 'un', 0)
  elseif target >= user.first then
    for _, entry in ipairs(entries(K, math.max(user.first, user.rd + 1), target, user.last)) do
      if entry.f ~= userId then forget_unread(K, user, entry) end
    end
  end
  set(user, 'rd', target)
  emit(user.on, { 'd', appId, userId, epoch_of(user), user.last, user.rd, user.un })
  if asked['message.read'] then
    owe(user, 'message.read', '"epoch":' .. text(epochBase .. string.format('%.0f', epoch_of(user))) .. ',"readOffset":' .. user.rd
      .. ',"unread":' .. user.un)
  end
  store(user)
  announce()
end
return reply(1, epoch_of(user), user.last, user.rd, user.un)
