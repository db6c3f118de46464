-- Reads the inbox's state and the profile of users. The first keys are the users' hashes.
-- KEYS: state.
-- ARGV: 1 the number of users.
-- Returns for each user seven values: the number of the inbox's epoch (`state.lua`); the newest offset; the read offset; the number of
--   unread messages; a digest of the next two; the profiles, and the time of creation.
local result = {}
for n = 1, tonumber(arg(1)) do
  local user = load_inbox(KEYS[n])
  local fields = call('HMGET', KEYS[n], USER.profiles, USER.createdAt)
  local digest = redis.sha1hex(text(fields))
  for _, value in ipairs({ epoch_of(user), user.newest, user.readOffset, user.unread, digest, unpack(fields) }) do
    result[#result + 1] = value
  end
end
return reply_list(result)
