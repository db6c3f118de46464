-- Notes that a session of the user starts with a token, or is renewed with it.
-- KEYS: token.
-- ARGV: 1 when the token expires (empty if it never does); 2 the name of this note, a random text by which `token-release`
--   deletes the note.
-- Returns 0 if the token is revoked, else 1.
if call('HEXISTS', K.token, 'revoked') == 1 then return reply(0) end
call('HSET', K.token, '=' .. userId .. '\0' .. arg(2), 1)
local expiresAt = tonumber(arg(1))
call('HSET', K.token, 'until', math.max(expiresAt or math.huge, tonumber(call('HGET', K.token, 'until') or 0)))
call('PEXPIRE', K.token, math.floor(expiresAt and math.max(expiresAt - now, 0) + RULES.tokenMargin or RULES.tokenKeptFor))
return reply(1)
