-- Puts the sender's copy of a message, whose recipient is in another partition, into the sender's inbox; once.
local retention = { messages = tonumber(arg(4)), bytes = tonumber(arg(5)) }
local earlier = call('GET', K.copy)
local user, json = load(K.user), arg(1)
if earlier then return reply(tonumber(earlier), epoch_of(user)) end
-- The sender was deleted since, or the copy is older than the id's window.
if json == '' or user.e ~= tonumber(arg(2)) then return reply(0, 0) end
check_history()
local offset = append(K, user, userId, json, #json + RULES.messageOverhead, userId, retention)
call('SET', K.copy, offset, 'PX', tonumber(arg(3)) + 60000)
emit(user.on, { 'm', appId, userId, epoch_of(user), offset, json })
store(user)
return reply(offset, epoch_of(user))
