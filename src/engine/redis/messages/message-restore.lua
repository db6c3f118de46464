-- Puts a message back into an inbox, at its offset: an earlier master had stored it there, and perhaps this server lacks it.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, inbox, unread, aging, peerLog, held, users, deadlines, state,
--   id; or user, sessions, queue, counts, numbers, due, events, pending, appQueue, inbox, unread, aging, peerLog, held, users, deadlines,
--   state, own.
-- ARGV: 1 the number of the epoch; 2 the offset; 3 the message as JSON; 4 the sender (empty for the backend); 5 the recipient; 6 the rules,
--   in the form in which `rules_of` reads them; 7 the member `traceparent`, as in `send`; 8 the value of the key `id` or `own` (empty for
--   no such key); 9 the milliseconds for which that key is kept.
-- Returns 1 if the inbox has the message, or is another one than the message was in; 0 if it lacks messages before this one, or its user.
local epoch, offset, json, from, to, words, traceparent, record, window = all_args()
epoch, offset = tonumber(epoch), tonumber(offset)
read_generation()
local user = load_inbox(K.user)
if epoch_of(user) > epoch or user.newest >= offset then return reply(1) end
local isOwnCopy = to ~= userId
local rules = rules_of(words)
local creates = rules.createsRecipient and not isOwnCopy
if epoch_of(user) < epoch or user.newest + 1 < offset or not (user.createdAt or creates) then return reply(0) end
if isOwnCopy then
  append(K, user, userId, json, from, to, rules.retention)
else
  hold(from, userId, #json + RULES.messageOverhead)
  receive(user, json, from, rules, nil, traceparent)
  report_message(user, offset, json, traceparent)
end
if record ~= '' then call('SET', K.id, record, 'PX', window) end
emit_message(user, userId, offset, json)
store(user)
announce()
return reply(1)
