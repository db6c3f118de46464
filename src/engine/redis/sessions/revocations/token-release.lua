-- Deletes a note from a token's hash, because a session of the user no longer uses the token. If the token is not revoked and this was the
-- last note, the token's hash is deleted.
-- KEYS: token.
-- ARGV: 1 the name of the note.
-- Returns nothing.
call('HDEL', K.token, '=' .. userId .. '\0' .. arg(1))
if call('HEXISTS', K.token, 'revoked') == 0 and call('HLEN', K.token) == call('HEXISTS', K.token, 'until') then call('DEL', K.token) end
return reply()
