-- Returns the messages after a position.
local user = load(K.user)
local offset, limit = tonumber(arg(2)), tonumber(arg(3))
local isComparable = tonumber(arg(1)) == epoch_of(user) and offset <= user.last
if not isComparable then offset = 0 end
local found = {}
local from = math.max(offset + 1, user.first)
if from <= user.last then
  for n, entry in ipairs(entries(K, from, user.last, limit)) do found[n] = message_of(entry.offset, entry.m) end
end
return reply(epoch_of(user), user.last, isComparable and 1 or 0, from, found)
