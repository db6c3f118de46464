-- Reads the newest offsets of users. The keys after the first are the users' hashes.
-- KEYS: state.
-- ARGV: none.
-- Returns for each user the number of the inbox's epoch, and the newest offset.
local result = {}
for n = 2, #KEYS do
  local found = call('HMGET', KEYS[n], USER.deletions, USER.newest)
  result[#result + 1] = epoch_of({ deletions = tonumber(found[1] or 0) })
  result[#result + 1] = tonumber(found[2] or 0)
end
return reply(unpack(result))
