-- Puts the sender's own copy of a message into the sender's inbox, if that inbox lacks it. The recipient is in another partition.
-- KEYS: user, inbox, unread, aging, counts, deadlines, state, own.
-- ARGV: 1 the message as JSON; 2 how often the sender was deleted when the message was sent; 3 milliseconds for which the message's id
--   makes a retry safe; 4 the retention: messages; 5 the retention: bytes.
-- Returns the own copy's offset, and the number of the inbox's epoch; 0 and 0 if there is no own copy.
local KEPT_LONGER = 60000
local retention = { messages = tonumber(arg(4)), bytes = tonumber(arg(5)) }
local earlier = call('GET', K.own)
local user, json = load(K.user), arg(1)
if earlier then return reply(tonumber(earlier), epoch_of(user)) end
-- The sender was deleted since.
if not user.createdAt or user.deletions ~= tonumber(arg(2)) then return reply(0, 0) end
check_history()
local offset = append(K, user, userId, json, #json + RULES.messageOverhead, userId, retention)
call('SET', K.own, offset, 'PX', tonumber(arg(3)) + KEPT_LONGER)
emit(user.nodes, { EVENT.message, appId, userId, epoch_of(user), offset, json })
store(user)
return reply(offset, epoch_of(user))
