-- Deletes from a token's Redis hash the note that a session of the user uses the token. If the token is not revoked and this was the last
-- note, deletes the hash.
-- KEYS: token.
-- ARGV: 1 the name of the note.
-- Returns nothing.
call('HDEL', K.token, '=' .. userId .. '\0' .. arg(1))
if call('HEXISTS', K.token, 'revoked') == 0 and call('HLEN', K.token) == call('HEXISTS', K.token, 'until') then call('DEL', K.token) end
return reply()
