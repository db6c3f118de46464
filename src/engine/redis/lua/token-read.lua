-- Returns whether a token is revoked.
return reply(call('HEXISTS', K.token, 'revoked'))
