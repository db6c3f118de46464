-- Reads the newest offsets of users. The first keys are the users' hashes.
-- KEYS: state.
-- ARGV: 1 how many users.
-- Returns for each user the number of the inbox's epoch, and the newest offset.
local result = {}
for n = 1, tonumber(arg(1)) do
  local found = call('HMGET', KEYS[n], USER.deletions, USER.newest)
  result[#result + 1] = epoch_of({ deletions = tonumber(found[1] or 0) })
  result[#result + 1] = tonumber(found[2] or 0)
end
return reply(unpack(result))
