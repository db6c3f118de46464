-- Stores a message again that an earlier master had stored, and that this server perhaps lacks. In the epoch that the inbox had then, the
-- message goes to its offset. In a later epoch it goes to the end of the inbox.
-- KEYS: …restored, id; or …restored, own.
-- ARGV: 1 the number of the epoch; 2 the offset; 3 the message as JSON; 4 the sender (empty for the backend); 5 the recipient; 6 the rules,
--   in the form in which `rules_of` reads them; 7 the member `traceparent`, as in `send`; 8 the value of the key `id` or `own`; 9 the
--   milliseconds for which that key is kept; 10 what the names of the sender's keys begin with, if this script also makes the sender's own
--   copy (else empty); 11 the number of that inbox's epoch; 12 the own copy's offset.
-- Returns 1 if the message needs nothing more; 0 if its inboxes lack messages before this one, or have other messages at these offsets.
local epoch, offset, json, from, to, words, traceparent, record, keptFor, senderPrefix, ownEpoch, ownOffset = all_args()
epoch, offset, ownOffset = tonumber(epoch), tonumber(offset), tonumber(ownOffset)
local rules = rules_of(words)
read_generation()
local user = load_inbox(K.user)
local present = epoch_of(user)
-- The user was deleted since, or retention has deleted the message.
if user.deletions ~= epoch % DELETIONS_PER_GENERATION or offset < user.first then return reply(1) end
local stored = offset <= user.newest and entries(K, offset, offset, 1)[1]
if stored and stored[ENTRY.message] == json then return reply(1) end
local isSame, isOwnCopy = present == epoch, to ~= userId
-- Somebody has sent it again.
if not isSame and call('EXISTS', K.id) == 1 then return reply(1) end
local theirs = senderPrefix ~= '' and keys_of(senderPrefix, from)
local sender = theirs and load_inbox(theirs.user)
if sender and sender.deletions ~= tonumber(ownEpoch) % DELETIONS_PER_GENERATION then sender = nil end
local isElsewhere = offset ~= user.newest + 1 or (sender and ownOffset ~= sender.newest + 1)
if present < epoch or (isSame and isElsewhere) then return reply(0) end
if not user.createdAt and (isOwnCopy or not rules.createsRecipient) then return reply(isSame and 0 or 1) end

if isOwnCopy then
  offset = append(K, user, userId, json, from, to, rules.retention)
  record = whole(offset)
else
  hold(from, userId, #json + RULES.messageOverhead)
  offset = receive(user, json, from, rules, nil, traceparent)
  local own = sender and append(theirs, sender, from, json, from, to, rules.retention) or from == to and offset or 0
  record = string.gsub(record, '^(%S+) %d+ %d+', '%1 ' .. whole(offset) .. ' ' .. whole(own))
  if sender then
    emit_message(sender, from, own, json)
    store(sender)
  end
  report_message(user, offset, json, traceparent)
end
call('SET', K.id, record, 'PX', keptFor)
emit_message(user, userId, offset, json)
store(user)
announce()
return reply(1)
