-- Reads whom the messages after an offset are with, or so many of them as one step reads.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the number of the epoch that the caller knows; 2 the offset; that of another epoch counts as 0; 3 how many messages at most.
-- Returns the number of the epoch, the newest offset, the oldest that is retained, 1 if the caller's epoch is another one, and for each
--   message its offset and whom it is with: `r` and the sender of a message that counts as unread until it is marked, `x` and the sender of
--   another message from someone else, `s` and the recipient of an own message as JSON.
local user = load(K.user)
local isOther = tonumber(arg(1)) ~= epoch_of(user)
local from = math.max(isOther and 1 or tonumber(arg(2)) + 1, user.first)

-- Returns where a string of a JSON text ends that begins at `at`.
local function string_end(json, at)
  repeat
    at = string.find(json, '["\\]', at + 1)
    local isEscape = string.sub(json, at, at) == '\\'
    if isEscape then at = at + 1 end
  until not isEscape
  return at
end

-- Returns the recipient in a message's JSON, which begins with `id`, `from` and `to`. The sender is a user.
local function recipient_of(json)
  local to = string_end(json, string_end(json, #'{"id":"') + #',"from":"') + #',"to":"'
  return string.sub(json, to, string_end(json, to))
end

local found = {}
if from <= user.newest then
  for n, raw in ipairs(call('XRANGE', K.inbox, string.format('%.0f-0', from), '+', 'COUNT', arg(3))) do
    local entry = entry_of(raw)
    local sender = entry[ENTRY.from]
    found[2 * n - 1] = entry.offset
    if sender == userId then
      found[2 * n] = 's' .. recipient_of(entry[ENTRY.message])
    else
      found[2 * n] = (entry[ENTRY.read] and 'x' or 'r') .. sender
    end
  end
end
return reply_list(found, epoch_of(user), user.newest, user.first, isOther and 1 or 0)
