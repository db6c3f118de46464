-- Revokes a token. `tokens` lists the ids of revoked tokens, each with the time until which its revocation is kept.
-- KEYS: token, tokens.
-- ARGV: 1 the token's id.
-- Returns the users who have a session that uses the token.
local users, found = {}, {}
for _, field in ipairs(call('HKEYS', K.token)) do
  local user = string.match(field, '^=(.*)%z')
  if user and not found[user] then
    found[user] = true
    users[#users + 1] = user
  end
end
call('HSET', K.token, 'revoked', 1)
local expiresAt = tonumber(call('HGET', K.token, 'until') or nil)
local keptFor = expiresAt and math.max(expiresAt - now, 0) + RULES.tokenMargin or RULES.tokenKeptFor
-- The revocation of a token that never expires is kept for ever.
if keptFor == math.huge then call('PERSIST', K.token) else call('PEXPIRE', K.token, math.floor(keptFor)) end
call('ZREMRANGEBYSCORE', K.tokens, '-inf', now)
call('ZADD', K.tokens, math.floor(now + keptFor), arg(1))
return reply_list(users)
