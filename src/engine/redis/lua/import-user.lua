-- Writes fields of a user whom another engine had. Argument 1 is when a session was seen last. In argument 2 milliseconds the user's messages
-- from offset argument 3 on are checked for unread ones. The others are fields and their values.
local user = load(K.user)
local wasThere, hadInbox = user.cr ~= nil, user.last > 0
for n = 4, #ARGV - 9, 2 do call('HSET', K.user, arg(n), arg(n + 1)) end
user = load(K.user)
local seen, left = optional(1), optional(2)
if seen then set(user, 'ls', math.max(tonumber(seen), user.ls or 0)) end
if left and (not user.uc or now + tonumber(left) < user.uc) then
  set(user, 'uc', math.ceil(now + tonumber(left)))
  set(user, 'uo', tonumber(arg(3)))
end
if user.cr and not wasThere then
  call('ZADD', K.users, 0, userId)
  count('users', 1)
  if user.g then
    count('guests', 1)
    -- Deleted without messages, if no session starts.
    set(user, 'sb', now + RULES.guestStartTimeout)
  end
end
if user.last > 0 and not hadInbox then count('inboxes', 1) end
schedule(user)
store(user)
return reply()
