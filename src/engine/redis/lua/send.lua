-- Puts a message into the recipient's inbox and, in mode `here`, into the sender's, which is on the same server.
local MAX_PUBLISHED = 2048
local mode, from = arg(1), arg(2)
local digest, window = arg(5), arg(6)
local retention = { messages = tonumber(arg(8)), bytes = tonumber(arg(9)), age = tonumber(arg(10)) }
local share, maxInboxes, maxBytes = tonumber(arg(11)), tonumber(arg(12)), tonumber(arg(13))

local user = load(K.user)
local sender
if mode == 'here' then
  sender = load(F.user)
elseif mode == 'self' then
  sender = user
end
local senderEpoch = mode == 'away' and tonumber(arg(15)) or sender and sender.e or 0

local function done(...)
  if mode == 'here' then store(sender) end
  schedule(user)
  store(user)
  announce()
  return reply(...)
end

local earlier = call('GET', K.id)
if earlier then
  local same, offset, own, sentAt, e, theirs = string.match(earlier, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  -- A user who was deleted since begins with new ids.
  if tonumber(e) == user.e and tonumber(theirs) == senderEpoch then
    if same ~= digest then return reply('conflict') end
    local note = call('HGET', K.pending, arg(17))
    return reply('repeated', offset, own, sentAt, user.e, note and string.match(note, '%z(.*)') or false, sender and epoch_of(sender))
  end
end
local wait = take_message(F.rate, tonumber(arg(19)))
if wait > 0 then return reply('limited', wait) end
if arg(7) ~= '1' and not user.cr then return reply('unknown-user') end

local profile = 'null'
if mode == 'away' then
  profile = arg(14)
elseif mode ~= 'none' then
  profile = sender.s or 'null'
end
local sentAt = string.format('%.0f', now)
local json = arg(3) .. profile .. arg(4) .. sentAt .. '}'
local size = #json + RULES.messageOverhead

expire(K, user, userId, retention.age)
if mode == 'here' then expire(F, sender, from, retention.age) end

-- Whether the sender has too many unread messages, and this one would push out an unread message of another sender.
local function is_crowded()
  if from == '' or from == userId then return false end
  if not exceeds(user, user.last + 1, user.by + size, retention) then return false end
  local pushesOut = false
  for _, entry in ipairs(beyond(K, user, user.last + 1, user.by + size, retention)) do
    if entry.offset > user.rd and entry.f ~= from and entry.f ~= userId then pushesOut = true end
  end
  if not pushesOut then return false end
  for _, limit in ipairs(RULES.sharedLimits) do
    if tonumber(call('HGET', K.unread, UNREAD[limit] .. from) or 0) > share * retention[limit] then return true end
  end
  return false
end
if is_crowded() then return done('refused') end

local copies = (mode == 'here' or mode == 'away') and 2 or 1
local function fits()
  local counts = call('HMGET', K.counts, 'inboxes', 'bytes')
  local more = user.last == 0 and 1 or 0
  if mode == 'here' and sender.last == 0 then more = more + 1 end
  if mode == 'away' and arg(16) == '1' then more = more + 1 end
  return with_difference('bytes', counts[2]) + size * copies <= maxBytes
    and (more == 0 or with_difference('inboxes', counts[1]) + more <= maxInboxes)
end
if not fits() then
  trim(K, user, userId, retention)
  if mode == 'here' then trim(F, sender, from, retention) end
  if not fits() then return done('full') end
end

check_history()
local beginsStreak = unreadAfter and asked['message.unread'] and from ~= userId and user.un == 0
local offset = append(K, user, userId, json, size, from, retention)
local own = offset
if mode == 'here' then own = append(F, sender, from, json, size, from, retention) end
if mode == 'none' or mode == 'away' then own = 0 end
if beginsStreak then
  set(user, 'uc', math.ceil(now + unreadAfter))
  set(user, 'uo', offset)
end
call('SET', K.id, digest .. ' ' .. offset .. ' ' .. own .. ' ' .. sentAt .. ' ' .. user.e .. ' ' .. senderEpoch, 'PX', window)
if mode == 'away' then
  local note = text({ from, userId, json, tonumber(window), now, senderEpoch, user.e, arg(18) })
  call('HSET', K.pending, arg(17), appId .. '\0' .. note)
end

local function emit_message(to, id, at)
  local isSmall = #json <= MAX_PUBLISHED
  local epoch = epoch_of(to)
  emit(to.on, { 'm', appId, id, epoch, at, json }, not isSmall and { 'm', appId, id, epoch, at } or nil)
end
emit_message(user, userId, offset)
if mode == 'here' then emit_message(sender, from, own) end
if asked['message.created'] then
  owe(user, 'message.created', '"epoch":' .. text(epochBase .. string.format('%.0f', epoch_of(user))) .. ',"message":' .. message_of(offset, json))
end
return done('stored', offset, own, sentAt, user.e, mode == 'away' and json or false, sender and epoch_of(sender))
