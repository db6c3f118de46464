-- Creates or changes a user whose fields are still as the caller has read them. Arguments 1 to 4 are those fields, 5 to 8 the new ones with
-- the sender that messages carry, 9 how many guests the app may have if the user is a guest, 10 the record for other gateways, 11 the data
-- of a webhook event. The last two are empty if the profile does not change.
local stored = call('HMGET', K.user, 'v', 'va', 'c', 'cr')
for n = 1, 4 do
  if (stored[n] or '') ~= arg(n) then return reply('conflict', unpack(stored)) end
end
local user = load(K.user)
local maxGuests = tonumber(arg(9))
local isNew = not user.cr
if isNew and maxGuests and tonumber(call('HGET', K.counts, 'guests') or 0) >= maxGuests then return reply('full') end
for n, field in ipairs({ 'v', 'va', 'c', 's' }) do set(user, field, optional(n + 4)) end
if isNew then
  set(user, 'cr', now)
  call('ZADD', K.users, 0, userId)
  count('users', 1)
  if maxGuests then
    set(user, 'g', '1')
    count('guests', 1)
  end
end
if maxGuests and user.g and call('HLEN', K.sessions) == 0 then set(user, 'sb', now + RULES.guestStartTimeout) end
if arg(10) ~= '' and not isNew then
  for node in string.gmatch(user.on or '', '%S+') do
    -- The caller itself emits the event.
    if node ~= self then emit(node, { 'u', appId, userId, arg(10) }) end
  end
end
if arg(11) ~= '' then owe(user, isNew and 'user.created' or 'user.updated', arg(11)) end
schedule(user)
store(user)
announce()
return reply('saved', user.cr, isNew and 1 or 0)
