-- Creates or changes a user whose fields are still as the caller has read them.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, deadlines, revoked.
-- ARGV: 1 the vouched profile as it was read; 2 its time; 3 the claimed profile; 4 the time of creation; 5 the new vouched profile; 6 its
--   time; 7 the new claimed profile; 8 the profile as the user's messages carry it; 9 for a guest the limit of guests (in a cluster what
--   other partitions leave of it), else empty; 10 the record for other nodes as JSON (empty if the profile does not change); 11 the data of the webhook event (empty
--   if the profile does not change); 12 `1` if a session of the user starts; 13 when the credential of that start was issued (empty if that
--   is unknown).
-- Returns `saved`, the time of creation, and 1 for a new user, else 0; or only `conflict` if the fields have changed; or only `revoked` if
--   that credential is revoked; or only `full` if the app has too many guests.
local stored = call('HMGET', K.user, USER.vouched, USER.vouchedAt, USER.claimed, USER.createdAt)
for n = 1, 4 do
  if (stored[n] or '') ~= arg(n) then return reply('conflict') end
end
local user = load(K.user)
-- `load` does not read these fields.
user.vouched, user.vouchedAt, user.claimed = stored[1] or nil, stored[2] or nil, stored[3] or nil
if arg(12) == '1' and is_revoked(user, tonumber(arg(13))) then return reply('revoked') end
local maxGuests = tonumber(arg(9))
local isNew = not user.createdAt
if isNew and maxGuests and counted('guests') >= maxGuests then return reply('full') end
for n, field in ipairs({ 'vouched', 'vouchedAt', 'claimed', 'sender' }) do set(user, field, optional(n + 4)) end
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
if arg(10) ~= '' and not isNew then
  for node in string.gmatch(user.nodes or '', '%S+') do
    -- The calling node emits the event itself.
    if node ~= self then emit(node, { EVENT.userChanged, appId, userId, arg(10) }) end
  end
end
if arg(11) ~= '' then add_event(user, isNew and 'user.created' or 'user.updated', arg(11)) end
schedule(user)
store(user)
announce()
return reply('saved', user.createdAt, isNew and 1 or 0)
