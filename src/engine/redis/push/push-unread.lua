-- Reads the unread messages after an offset, without those of guests whom the user has adopted. One step reads at most `MAX_READ` messages.
-- KEYS: user, …inbox, counts, state.
-- ARGV: 1 the offset.
-- Returns the number of the inbox's epoch; the newest offset; the read offset; the number of unread messages; the offset after which
--   another step has to go on, or 0; and a list with the newest unread message of each sender as JSON, the oldest message first.
local MAX_READ = 256
local user = load_inbox(K.user)
local after = tonumber(arg(1))
-- An offset beyond the newest message belongs to an earlier epoch.
if after > user.newest then after = 0 end
local from = math.max(after, user.readOffset, user.readUpTo or 0, user.first - 1) + 1

-- The JSON of an adopted message ends with these two members (`adopted-json.ts`). The JSON is not decoded, because a message may have half
-- of a surrogate pair, which cjson refuses.
local MAX_END = 64
local function is_adopted(json) return string.find(string.sub(json, -MAX_END), ',"adopted":true,"sentAt":%d+}$') end

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
