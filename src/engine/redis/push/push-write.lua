-- Stores a user's devices, and when there may be something to push to them.
-- KEYS: user, …events, deadlines, state.
-- ARGV: 1 the devices as they were read, as JSON (empty for none); 2 the new devices, as JSON (empty for none); 3 the number of new
--   devices; 4 milliseconds until there may be something to push (empty if there is nothing, `same` to leave `pushDueAt` unchanged); 5 the
--   newest offset of the messages that the caller has looked at; from 6 on: the data of events `push.failed`, each as JSON without braces.
-- Returns 1 if the devices are stored; 0 if they have changed since they were read; -1 if there is no such user.
local user = load(K.user)
if not user.createdAt then return reply(-1) end
if (call('HGET', K.user, USER.devices) or '') ~= arg(1) then return reply(0) end
if arg(2) == '' then
  clear(user, { 'devices', 'deviceCount', 'pushDueAt', 'pushCall' })
else
  if arg(2) ~= arg(1) then set(user, 'devices', arg(2)) end
  set(user, 'deviceCount', tonumber(arg(3)))
  if arg(4) ~= 'same' then
    local at = optional(4) and math.ceil(now + tonumber(arg(4)))
    -- A message that was stored after the caller's read has set `pushDueAt`, too. The earlier of the two times counts.
    if user.newest > tonumber(arg(5)) and user.pushDueAt then at = math.min(at or user.pushDueAt, user.pushDueAt) end
    set(user, 'pushDueAt', at or nil)
    set(user, 'pushCall', nil)
  end
end
for n = 6, arg_count() do add_event(user, 'push.failed', arg(n)) end
schedule(user)
store(user)
announce()
return reply(1)
