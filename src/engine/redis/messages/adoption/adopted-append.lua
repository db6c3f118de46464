-- Appends messages of an adopted guest to the user's inbox. Leaves out older messages of the guest that do not fit into the retention
-- beside those of the user.
-- KEYS: user, …events, …deletions, deadlines, state, adopted.
-- ARGV: 1 the guest; 2 when the user was created; 3 how many messages the guest had; 4 how many of these the guest's inbox still has,
--   including those in this call (empty if no later call may append any); 5 the bytes that they take there; 6 by how many bytes the move
--   may lengthen a message; 7 `retention.messages`; 8 `retention.bytes`; 9 `retention.age`; from 10 on seven arguments for each message: its
--   offset in the guest's inbox, its JSON, its bytes there, when it was stored, 1 if it is read, its sender, its recipient.
-- Returns 1, or 0 if the user was deleted.
local KEPT_AT_LEAST, EVERYTHING = 3600000, 2 ^ 53
local NO_LIMIT = { messages = math.huge, bytes = math.huge }
await_epochs()
local left, leftBytes, growth = tonumber(arg(4)), tonumber(arg(5)), tonumber(arg(6))
local retention = { messages = tonumber(arg(7)), bytes = tonumber(arg(8)), age = tonumber(arg(9)) }
local user = load(K.user)
if user.createdAt ~= tonumber(arg(2)) then return reply(0) end
-- The key `adopted` has the offset, in the guest's inbox, of the last message that an earlier run has appended or left out.
local taken = call('GET', K.adopted)
if not taken then add_event(user, 'guest.adopted', '"guest":' .. text(arg(1)) .. ',"messages":' .. arg(3)) end
taken = arg(4) == '' and EVERYTHING or tonumber(taken or 0)
expire(K, user, userId, retention.age)
trim(K, user, userId, retention)

local hasRead = false
local function fits(storedAt)
  return user.newest - user.first + 1 + left <= retention.messages
    and user.bytes + leftBytes + left * growth <= retention.bytes
    and storedAt + retention.age > now
end

for n = 10, arg_count(), 7 do
  local offset, json, bytes, storedAt, isRead = tonumber(arg(n)), arg(n + 1), tonumber(arg(n + 2)), tonumber(arg(n + 3)), arg(n + 4) == '1'
  local from, to = arg(n + 5), arg(n + 6)
  if offset > taken then
    if fits(storedAt) then
      local beginsStreak = unreadAfter and asked['message.unread'] and not isRead and from ~= userId and user.unread == 0
      local at = append(K, user, userId, json, from, to, NO_LIMIT, isRead)
      if beginsStreak then
        set(user, 'unreadCheckAt', math.ceil(now + unreadAfter))
        set(user, 'unreadCheckOffset', at)
      end
      hold(from, userId, #json + RULES.messageOverhead)
      hasRead = hasRead or isRead
      emit_message(user, userId, at, json)
    end
    taken = offset
  end
  left, leftBytes = left - 1, leftBytes - bytes
end
-- Clients count each new message as unread, even one that the guest had read. So this event tells them the right number.
if hasRead then emit_read(user) end
-- If the caller crashes before it lets the key expire, the key expires after `retention.age`. By then each message of the guest has expired, too.
local keptFor = math.max(retention.age, KEPT_AT_LEAST)
if keptFor < math.huge then
  call('SET', K.adopted, string.format('%.0f', taken), 'PX', string.format('%.0f', math.ceil(keptFor)))
else
  call('SET', K.adopted, string.format('%.0f', taken), 'KEEPTTL')
end
schedule(user)
store(user)
announce()
return reply(1)
