-- Notes for a limited time that the calling node watches users, and reads whether the users are online. The caller names two keys for each
-- user: `watch`, which lists the nodes that watch the user, and `user`, the user's Redis hash.
-- KEYS: only those that the caller passes.
-- ARGV: 1 the milliseconds for which the note is kept.
-- Returns the time; and for each user 1 if the user is online (else 0), and when the user was last seen (-1 if that is unknown).
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
