-- Reads the unread messages after an offset, without those of guests whom the user has adopted. One step reads at most `MAX_READ` messages.
-- KEYS: user, inbox, unread, aging, counts, state.
-- ARGV: 1 the offset.
-- Returns the number of the inbox's epoch; the newest offset; the read offset; the number of unread messages; the offset after which
--   another step has to go on, or 0; and a list with the newest unread message of each sender as JSON, the oldest message first.
local MAX_READ = 256
local user = load_inbox(K.user)
local after = tonumber(arg(1))
-- An offset beyond the newest message belongs to an earlier epoch.
if after > user.newest then after = 0 end
local from = math.max(after, user.readOffset, user.readUpTo or 0, user.first - 1) + 1

-- To search a message is faster than to decode it, so only messages with this text are decoded. Some have it only in their data.
local function is_adopted(json) return string.find(json, '"adopted":true', 1, true) and cjson.decode(json).adopted == true end

local newest, found = {}, {}
for _, entry in ipairs(entries(K, from, user.newest, MAX_READ)) do
  local json = entry[ENTRY.message]
  if is_unread(K, user, entry) and not is_adopted(json) then
    found[#found + 1] = entry
    newest[entry.peer] = entry
  end
end
local list = {}
for _, entry in ipairs(found) do
  if newest[entry.peer] == entry then
    local json = message_of(entry.offset, entry[ENTRY.message])
    list[#list + 1] = string.sub(json, 1, -2) .. (entry[ENTRY.trace] or '') .. '}'
  end
end
local last = from + MAX_READ - 1
return reply(epoch_of(user), user.newest, user.readOffset, user.unread, last < user.newest and last or 0, list)
