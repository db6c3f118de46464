-- Deletes a guest, and notes which user adopts the guest. The guest's messages stay until they are moved to the user.
-- KEYS: …sessions, …deletions, revoked.
-- ARGV: 1 the user who adopts; 2 when that user was created; 3 when the guest was created, as the caller knows it (empty if the backend
--   adopts); 4 when the guest's credential, by which the user adopts, was issued (empty if that is unknown); 5 `retention.age`.
-- Returns the number of messages that the guest had, or -1 if this user can't adopt the guest.
await_epochs()
local by, byCreatedAt, createdAt, age = arg(1), tonumber(arg(2)), tonumber(arg(3)), tonumber(arg(5))
local user = load(K.user)
if createdAt and is_revoked(user, tonumber(arg(4))) then return reply(-1) end
if user.adoption then
  local known = cjson.decode(user.adoption)
  local isSame = known[1] == by and known[2] == byCreatedAt and (not createdAt or known[3] == createdAt)
  return reply(isSame and known[4] or -1)
end
if not user.createdAt or not user.guest or (createdAt and createdAt ~= user.createdAt) then return reply(-1) end
expire(K, user, userId, age)
for _, row in pairs(sessions()) do
  local wasOnline = presence(user)
  remove(user, row)
  report_end(user, row, 'replaced', wasOnline)
end
local messages = math.max(user.newest - user.first + 1, 0)
set(user, 'adoption', text({ by, byCreatedAt, user.createdAt, messages }))
delete_user(user)
clear(user, { 'unreadCheckAt', 'unreadCheckOffset' })
set(user, 'keptUntil', math.ceil(now + age))
set(user, 'moveDueAt', now + MOVE_RETRY)
store_inbox(user)
finish(user)
return reply(messages)
