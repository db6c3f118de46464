-- Puts a message into the recipient's inbox and, in mode `here`, the sender's own copy of it into the sender's inbox.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, inbox, unread, aging, peerLog, users, deadlines, ownCopies, state,
--   id, held, rate.
-- ARGV: 1 the mode: `none` (from the backend), `self` (to oneself), `here` (the sender is on this server), or `away` (the sender may be on
--   another server); 2 the sender (empty for the backend); 3 what the names of the sender's keys begin with; 4 the message's JSON up to the
--   sender's profile; 5 the message's JSON between the profile and the time; 6 the digest of the content; 7 the rules, in the form in which
--   `rules_of` reads them; 8 what other partitions leave of the app's limit of inboxes; 9 what they leave of its limit of bytes; 10 how
--   many messages the sender may send in a second (empty for no limit); 11 when the recipient was created (empty if the message is for
--   whoever has the id); 12 how many bytes the sender's messages may take in the inboxes of others (empty for no limit); 13 the member
--   `traceparent` for `message.created` and for pushes, as JSON with a comma before it (empty if there is none); 14 the profile that
--   the message carries, as JSON (may be missing in other modes than `away`: then it is that of the sender's user); 15 mode `away`: how many inboxes of the sender were deleted; 16 mode `away`: `1` if the sender has no inbox
--   yet; 17 mode `away`: the own copy's field in `ownCopies`; 18 mode `away`: the message's id; 19 mode `away`: `1` if the sender does not
--   exist.
-- Returns `not-sent` for a message that is only looked up, and whose id is not stored. Or `limited`, and the milliseconds to wait. Or `adopted`, the user who has adopted the recipient, and when that user was created. Or
--   `conflict`, `unknown-user`, `unknown-sender`, `refused`, `over-share` or `full`. Or `stored` or `repeated` with: the offset; the own
--   copy's offset, or 0; when the message was sent; how many inboxes of the recipient were deleted; the message's JSON in mode `away`, or if argument 14 is missing; in the modes `here`
--   and `self` the number of the sender's epoch, else 0; the number of the recipient's epoch; the value of the key `id`; for `stored`, 1 if
--   an inbox still has messages beyond the retention, else 0; for `stored`, the bytes that argument 12 limits.

-- The names in the order of the arguments. Those that begin with `away` are for the mode `away`.
await_epochs()
local mode, from, senderPrefix, head, middle, digest, words, maxInboxes, maxBytes, perSecond, createdAt, maxHeld, traceparent,
  profile, awayDeletions, awayIsNew, awayNote, awayId, awayIsMissing = all_args()
local rules = rules_of(words)
local retention = rules.retention
maxInboxes, maxBytes = tonumber(maxInboxes), tonumber(maxBytes)

local isHere, isAway = mode == 'here', mode == 'away'
local theirs = isHere and keys_of(senderPrefix, from) or K
local user = load_inbox(K.user)
local sender = isHere and load_inbox(theirs.user) or mode == 'self' and user or nil
local senderDeletions = isAway and tonumber(awayDeletions) or sender and sender.deletions or 0
local isWhole = isAway or not profile
profile = profile or sender and sender.sender or 'null'

local earlier = call('GET', K.id)
if earlier then
  local same, offset, own, sentAt, e, theirs = string.match(earlier, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  -- If the recipient or the sender was deleted since, the id counts as new.
  if tonumber(e) == user.deletions and tonumber(theirs) == senderDeletions then
    if same ~= digest then return reply('conflict') end
    -- After a failover the sender's server may lack the own copy, so the caller makes it again, from the message that is stored here. If
    -- retention has deleted this message, its JSON is made from the arguments.
    -- A transfer from a cluster may have brought a message whose own copy was lost there.
    local mayLackOwn = isAway or (isHere and own == '0')
    local stored = mayLackOwn and entries(K, offset, offset, 1)[1]
    local json = (stored and stored[ENTRY.message]) or (isWhole or mayLackOwn) and head .. profile .. middle .. sentAt .. '}'
    return reply('repeated', offset, own, sentAt, user.deletions, json, sender and epoch_of(sender) or 0, epoch_of(user), earlier)
  end
end
local wait = take_message(theirs, tonumber(perSecond))
if wait > 0 then return reply('limited', wait) end
local adoption = not user.createdAt and call('HGET', K.user, USER.adoption)
if adoption then
  local by, createdAt = unpack(cjson.decode(adoption))
  return reply('adopted', by, createdAt)
end
if rules.onlyFinds then return reply('not-sent') end
if createdAt ~= '' and user.createdAt ~= tonumber(createdAt) then return reply('unknown-user') end
if not rules.createsRecipient and not user.createdAt then return reply('unknown-user') end

local sentAt = now_text()
local json = head .. profile .. middle .. sentAt .. '}'
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

local newInboxes = (user.newest == 0 and 1 or 0) + ((isHere and sender.newest == 0 or isAway and awayIsNew == '1') and 1 or 0)
local allBytes = (isHere or isAway) and 2 * size or size
if not has_room(allBytes, maxBytes, newInboxes, maxInboxes) then
  trim(K, user, userId, retention)
  old = beyond(K, user, user.newest + 1, user.bytes + size, retention)
  if isHere then trim(theirs, sender, from, retention) end
  if not has_room(allBytes, maxBytes, newInboxes, maxInboxes) then return done('full') end
end

-- After `unknown-sender` the caller creates the sender, and sends the message again. This check comes after those for `refused` and `full`,
-- because a message with these results must not create its sender.
if (isAway and awayIsMissing == '1') or (sender and not sender.createdAt) then return done('unknown-sender') end

-- The message's bytes are counted before it is stored, so that one command both adds them and returns the sum for the comparison.
local held = hold(from, userId, size)
maxHeld = tonumber(maxHeld) or math.huge
if held and held > maxHeld and held - bytes_of(old, from) > maxHeld then
  hold(from, userId, -size)
  return done('over-share')
end

local offset = receive(user, json, from, rules, old, traceparent)
local own = offset
if isHere then own = append(theirs, sender, from, json, from, userId, retention) end
if mode == 'none' or isAway then own = 0 end
local sent = digest .. ' ' .. whole(offset) .. ' ' .. whole(own) .. ' ' .. sentAt
sent = sent .. ' ' .. whole(user.deletions) .. ' ' .. whole(senderDeletions)
call('SET', K.id, sent, 'PX', rules.window)
if isAway then
  local note = text({ from, userId, json, tonumber(rules.window), now, senderDeletions, user.deletions, awayId })
  call('HSET', K.ownCopies, awayNote, appId .. '\0' .. note)
end

emit_message(user, userId, offset, json)
if isHere then emit_message(sender, from, own, json) end
report_message(user, offset, json, traceparent)
local isBeyond = exceeds(user, user.newest, user.bytes, retention)
  or (isHere and exceeds(sender, sender.newest, sender.bytes, retention))
return done('stored', offset, own, sentAt, user.deletions, isWhole and json, sender and epoch_of(sender) or 0, epoch_of(user), sent, isBeyond and 1 or 0,
  held or 0)
