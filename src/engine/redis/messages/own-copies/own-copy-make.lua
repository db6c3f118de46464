-- Puts the sender's own copy of a message into the sender's inbox, if that inbox lacks it. In a cluster the recipient may be in another
-- partition.
-- KEYS: user, …deletions, counts, deadlines, state, own.
-- ARGV: 1 the message as JSON; 2 the recipient; 3 how many inboxes of the sender were deleted before the message was sent (empty for a user
--   who has adopted the sender); 4 the milliseconds for which the key `own` is kept; 5 `retention.messages`; 6 `retention.bytes`;
--   7 for a user who has adopted the sender, when that user was created (else empty).
-- Returns the own copy's offset, and the number of the inbox's epoch; 0 and 0 if there is no own copy; or `adopted`, the user who has
--   adopted the sender, and when that user was created.
await_epochs()
local retention = { messages = tonumber(arg(5)), bytes = tonumber(arg(6)) }
local earlier = call('GET', K.own)
local user, json = load(K.user), arg(1)
if earlier then return reply(tonumber(earlier), epoch_of(user)) end
if not user.createdAt and user.adoption then
  local adoption = cjson.decode(user.adoption)
  return reply('adopted', adoption[1], adoption[2])
end
-- False if the sender was deleted since the message was sent.
local isSame = user.createdAt and (user.deletions == tonumber(arg(3)) or user.createdAt == tonumber(arg(7)))
if not isSame then return reply(0, 0) end
local offset = append(K, user, userId, json, userId, arg(2), retention)
call('SET', K.own, offset, 'PX', arg(4))
emit_message(user, userId, offset, json)
store(user)
return reply(offset, epoch_of(user))
