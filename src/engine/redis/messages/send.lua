-- Puts a message into the recipient's inbox and, in mode `here`, the sender's own copy of it into the sender's inbox.
-- KEYS: user, …events, …inbox, peerLog, users, deadlines, ownCopies, state, id, held, rate.
-- ARGV: those that `lua/send-call.ts` names.
-- Returns `not-sent` for a message that is only looked up, and whose id is not stored. Or `limited`, and the milliseconds to wait. Or
--   `adopted`, the user who has adopted the recipient, and when that user was created. Or `conflict`, `unknown-user`, `unknown-sender`,
--   `refused`, `over-share` or `full`. Or `stored` or `repeated`, and what `lua/send-call.ts` names.
await_epochs()
local SEND_ARGS, AWAY_ARGS = all_args()
local SENT
local rules = rules_of(words)
local retention = rules.retention
maxInboxes, maxBytes = tonumber(maxInboxes), tonumber(maxBytes)

local isHere, isAway = mode == 'here', mode == 'away'
local theirs = isHere and keys_of(senderPrefix, from) or K
local user = load_inbox(K.user)
local sender = isHere and load_inbox(theirs.user) or mode == 'self' and user or nil
local theirDeletions = isAway and tonumber(senderDeletions) or sender and sender.deletions or 0
local isWhole = isAway or profile == ''
if profile == '' then profile = sender and sender.sender or 'null' end
toDeletions, ownEpoch, epoch = user.deletions, sender and epoch_of(sender) or 0, epoch_of(user)
isBeyond, held = 0, 0

local earlier = call('GET', K.id)
if earlier then
  local same, deletions, others
  same, offset, ownOffset, sentAt, deletions, others = string.match(earlier, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  -- If the recipient or the sender was deleted since, the id counts as new.
  if tonumber(deletions) == toDeletions and tonumber(others) == theirDeletions then
    if same ~= digest then return reply('conflict') end
    -- After a failover the sender's server may lack the own copy, so the caller makes it again, from the message that is stored here. If
    -- retention has deleted this message, its JSON is made from the arguments.
    -- A transfer from a cluster may have brought a message whose own copy was lost there.
    local mayLackOwn = isAway or (isHere and ownOffset == '0')
    local stored = mayLackOwn and entries(K, offset, offset, 1)[1]
    json = (stored and stored[ENTRY.message]) or (isWhole or mayLackOwn) and head .. profile .. middle .. sentAt .. '}'
    found = earlier
    return reply('repeated', SENT)
  end
end
local wait = take_message(theirs, tonumber(perSecond))
if wait > 0 then return reply('limited', wait) end
local adoption = not user.createdAt and call('HGET', K.user, USER.adoption)
if adoption then
  local by, adopterCreatedAt = unpack(cjson.decode(adoption))
  return reply('adopted', by, adopterCreatedAt)
end
if rules.onlyFinds then return reply('not-sent') end
if createdAt ~= '' and user.createdAt ~= tonumber(createdAt) then return reply('unknown-user') end
if not rules.createsRecipient and not user.createdAt then return reply('unknown-user') end

sentAt = whole(now)
json = head .. profile .. middle .. sentAt .. '}'
local size = #json + RULES.messageOverhead

local function done(...)
  if isHere then store(sender) end
  store(user)
  announce()
  return reply(...)
end

expire(K, user, userId, retention.age)
if isHere then expire(theirs, sender, from, retention.age) end

-- The messages that this message pushes out of the recipient's inbox.
local old = beyond(K, user, user.newest + 1, user.bytes + size, retention)
if #old > 0 and is_crowded(K, user, userId, from, old, rules) then return done('refused') end

local newInboxes = (user.newest == 0 and 1 or 0) + ((isHere and sender.newest == 0 or isAway and isNew == '1') and 1 or 0)
local allBytes = (isHere or isAway) and 2 * size or size
if not has_room(allBytes, maxBytes, newInboxes, maxInboxes) then
  trim(K, user, userId, retention)
  old = beyond(K, user, user.newest + 1, user.bytes + size, retention)
  if isHere then trim(theirs, sender, from, retention) end
  if not has_room(allBytes, maxBytes, newInboxes, maxInboxes) then return done('full') end
end

-- After `unknown-sender` the caller creates the sender, and sends the message again. This check comes after those for `refused` and `full`,
-- because a message with these results must not create its sender.
if (isAway and isMissing == '1') or (sender and not sender.createdAt) then return done('unknown-sender') end

-- The message's bytes are counted before it is stored, so that one command both adds them and returns the sum for the comparison.
held = hold(from, userId, size) or 0
maxHeld = tonumber(maxHeld) or math.huge
if held > maxHeld and held - bytes_of(old, from) > maxHeld then
  hold(from, userId, -size)
  return done('over-share')
end

offset = receive(user, json, from, rules, old, traceparent)
ownOffset = offset
if isHere then ownOffset = append(theirs, sender, from, json, from, userId, retention) end
if mode == 'none' or isAway then ownOffset = 0 end
found = digest .. ' ' .. whole(offset) .. ' ' .. whole(ownOffset) .. ' ' .. sentAt
found = found .. ' ' .. whole(toDeletions) .. ' ' .. whole(theirDeletions)
call('SET', K.id, found, 'PX', rules.window)
if isAway then
  local copy = text({ from, userId, json, tonumber(rules.window), now, theirDeletions, toDeletions, id })
  call('HSET', K.ownCopies, note, appId .. '\0' .. copy)
end

emit_message(user, userId, offset, json)
if isHere then emit_message(sender, from, ownOffset, json) end
report_message(user, offset, json, traceparent)
isBeyond = (exceeds(user, user.newest, user.bytes, retention)
  or isHere and exceeds(sender, sender.newest, sender.bytes, retention)) and 1 or 0
json = isWhole and json
return done('stored', SENT)
