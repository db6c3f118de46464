-- Notes for a limited time that the calling node watches users, and reads whether these are online. For each user there are two keys:
-- `watch`, which lists the nodes that watch the user, and the user's hash.
-- KEYS: none of its own.
-- ARGV: 1 for how many milliseconds.
-- Returns the time, and for each user 1 for online or 0, and when the user was last seen or -1.
local duration = tonumber(arg(1))
local result = {}
for n = 1, #KEYS, 2 do
  call('ZREMRANGEBYSCORE', KEYS[n], '-inf', now)
  call('ZADD', KEYS[n], now + duration, self)
  call('PEXPIRE', KEYS[n], duration)
  local found = call('HMGET', KEYS[n + 1], USER.online, USER.lastSeenAt)
  result[n] = found[1] and 1 or 0
  result[n + 1] = found[1] and now or tonumber(found[2] or -1)
end
return reply_list(result, now)
