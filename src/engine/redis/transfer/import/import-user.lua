-- Writes fields of a user who is transferred from another engine.
-- KEYS: user, users, counts, deadlines.
-- ARGV: 1 when a session was last seen (empty if that does not change); 2 milliseconds until the sweep looks for unread messages (empty for
--   never); 3 the offset from which to look; 4 milliseconds until an adoption is forgotten (empty for none); 5 `1` if the guest's messages
--   are still to be moved; 6 a JSON object with numbers of the inbox; from 7 on: the name and the value of each field.
-- Returns nothing.
local user = load(K.user)
local wasThere, hadInbox = user.createdAt ~= nil, user.newest > 0
for name, number in pairs(cjson.decode(arg(6))) do user[name] = number end
store(user)
for n = 7, arg_count(), 2 do call('HSET', K.user, arg(n), arg(n + 1)) end
user = load(K.user)
local seen, left = optional(1), optional(2)
if seen then set(user, 'lastSeenAt', math.max(tonumber(seen), user.lastSeenAt or 0)) end
if left and (not user.unreadCheckAt or now + tonumber(left) < user.unreadCheckAt) then
  set(user, 'unreadCheckAt', math.ceil(now + tonumber(left)))
  set(user, 'unreadCheckOffset', tonumber(arg(3)))
end
if optional(4) then set(user, 'keptUntil', math.ceil(now + tonumber(arg(4)))) end
if arg(5) == '1' then set(user, 'moveDueAt', now) end
if user.createdAt and not wasThere then
  call('ZADD', K.users, 0, userId)
  count('users', 1)
  if user.guest then
    count('guests', 1)
    -- This guest is not adopted. At `keptUntil` the sweep deletes the guest if there are no messages and no session has started.
    set(user, 'keptUntil', now + RULES.guestStartTimeout)
  end
end
if user.newest > 0 and not hadInbox then count('inboxes', 1) end
schedule(user)
store(user)
return reply()
