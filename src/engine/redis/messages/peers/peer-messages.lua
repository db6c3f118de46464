-- Reads whom the messages after an offset are with, or so many of them as one step reads; and messages.
-- KEYS: user, inbox, unread, aging, state.
-- ARGV: 1 the number of the epoch that the caller knows; 2 the offset; that of another epoch counts as 0; 3 how many offsets at most; 4 the
--   offsets of messages.
-- Returns the number of the epoch, the newest offset, the oldest that is retained, 1 if the caller's epoch is another one; the messages as
--   JSON; the first of the offsets that were read, and a text that has `with` of each of them up to the last message, and nothing for an
--   offset without a message. NUL separates them: a reply of many values would take ten times as long.
local user = load_inbox(K.user)
local isOther = tonumber(arg(1)) ~= epoch_of(user)
local from = math.max(isOther and 1 or tonumber(arg(2)) + 1, user.first)

local messages, found = {}, {}
for n = 4, arg_count() do
  local entry = entries(K, arg(n), arg(n), 1)[1]
  if entry then messages[#messages + 1] = message_of(entry.offset, entry[ENTRY.message]) end
end
local raws = {}
if from <= user.newest then
  raws = call('XRANGE', K.inbox, string.format('%.0f-0', from), string.format('%.0f-9', from + tonumber(arg(3)) - 1))
end
local function offset_of(raw) return tonumber(string.match(raw[1], '^%d+')) end
-- Most inboxes have a message at each offset.
local hasHoles = #raws > 0 and (offset_of(raws[1]) > from or offset_of(raws[#raws]) - from + 1 > #raws)
local places = 0
for n = 1, #raws do
  local fields = raws[n][2]
  if hasHoles then
    for place = places + 1, offset_of(raws[n]) - from do found[place] = '' end
    places = offset_of(raws[n]) - from
  end
  places = places + 1
  found[places] = fields[4]
end
return reply(epoch_of(user), user.newest, user.first, isOther and 1 or 0, messages, from, table.concat(found, '\0'))
