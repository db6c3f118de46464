-- Reads the newest offsets of users, also while the history is unsettled (`lua/state.lua`). The first keys are the users' hashes.
-- KEYS: state.
-- ARGV: 1 the number of users.
-- Returns for each user the number of the inbox's epoch (`state.lua`), and the newest offset.
read_generation()
local result = {}
for n = 1, tonumber(arg(1)) do
  local user = load_inbox(KEYS[n])
  push(result, epoch_of(user), user.newest)
end
return reply(unpack(result))
