-- Stores a revoked token. Argument 2 is for how many milliseconds; empty for ever.
call('HSET', K.token, 'revoked', 1)
local left = tonumber(optional(2) or nil)
if left then call('PEXPIRE', K.token, math.ceil(left)) end
call('ZADD', K.tokens, left and math.ceil(now + left) or '+inf', arg(1))
return reply()
