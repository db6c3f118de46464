-- Stores a revoked token.
-- KEYS: token, tokens.
-- ARGV: 1 the token's id; 2 the milliseconds for which it is kept (empty to keep it for ever).
-- Returns nothing.
call('HSET', K.token, 'revoked', 1)
local left = tonumber(optional(2) or nil)
if left then call('PEXPIRE', K.token, math.ceil(left)) end
call('ZADD', K.tokens, left and math.ceil(now + left) or '+inf', arg(1))
return reply()
