-- Creates or changes a user whose fields are still as the caller has read them.
-- KEYS: user, …events, users, deadlines, revoked.
-- ARGV: 1 the profiles as they were read; 2 the time of creation; 3 the new profiles; 4 the profile as the user's messages carry it; 5 for
--   a guest the limit of guests (in a cluster what other partitions leave of it), else empty; 6 the record for other nodes as JSON (empty
--   if the profile does not change); 7 the data of the webhook event (empty if the profile does not change); 8 `1` if a session of the
--   user starts; 9 when the credential of that start was issued (empty if that is unknown).
-- Returns `saved`, the time of creation, and 1 for a new user, else 0; or only `conflict` if the fields have changed; or only `revoked` if
--   that credential is revoked; or only `full` if the app has too many guests.
local stored = call('HMGET', K.user, USER.profiles, USER.createdAt)
if (stored[1] or '') ~= arg(1) or (stored[2] or '') ~= arg(2) then return reply('conflict') end
local user = load(K.user)
-- `load` does not read this field.
user.profiles = stored[1] or nil
if arg(8) == '1' and is_revoked(user, tonumber(arg(9))) then return reply('revoked') end
local maxGuests = tonumber(arg(5))
local isNew = not user.createdAt
if isNew and maxGuests and counted('guests') >= maxGuests then return reply('full') end
set(user, 'profiles', optional(3))
set(user, 'sender', optional(4))
if isNew then
  set(user, 'createdAt', now)
  call('ZADD', K.users, 0, userId)
  count('users', 1)
  if maxGuests then
    set(user, 'guest', '1')
    count('guests', 1)
  end
end
-- A guest who has a session gets this deadline, too: that session may end before the new session starts.
if maxGuests and user.guest then set(user, 'keptUntil', now + RULES.guestStartTimeout) end
if arg(6) ~= '' and not isNew then
  for node in string.gmatch(user.nodes or '', '%S+') do
    -- The calling node emits the event itself.
    if node ~= self then emit(node, { type = 'user-changed', appId = appId, userId = userId, user = arg(6) }) end
  end
end
if arg(7) ~= '' then add_event(user, isNew and 'user.created' or 'user.updated', arg(7)) end
schedule(user)
store(user)
announce()
return reply('saved', user.createdAt, isNew and 1 or 0)
