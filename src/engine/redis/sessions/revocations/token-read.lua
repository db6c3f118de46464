-- Reads whether a token is revoked.
-- KEYS: token.
-- ARGV: none.
-- Returns 1 if it is revoked, else 0.
return reply(call('HEXISTS', K.token, 'revoked'))
