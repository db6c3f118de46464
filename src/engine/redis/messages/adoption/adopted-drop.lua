-- Deletes messages of an adopted guest that `adopted-append` has appended to the user's inbox or left out. With the last message it deletes
-- the guest's inbox.
-- KEYS: user, …deletions, counts, deadlines.
-- ARGV: 1 the offset of the last such message (empty for all messages).
-- Returns 1 if the guest still has messages, else 0.
local user = load(K.user)
if not user.moveDueAt then return reply(0) end
local to = math.min(tonumber(arg(1)) or user.newest, user.newest)
local old = entries(K, user.first, to, MAX_DROPPED)
drop(K, user, userId, old)
-- After a failover the guest's inbox may lack messages up to `to`. Then `drop` does not advance `first` far enough.
if #old < MAX_DROPPED and to >= user.first then user.first = to + 1 end
local isLast = user.first > user.newest
if isLast then
  delete_inbox(user, true)
  clear(user, { 'moveDueAt' })
else
  set(user, 'moveDueAt', now + MOVE_RETRY)
end
schedule(user)
store(user)
return reply(isLast and 0 or 1)
