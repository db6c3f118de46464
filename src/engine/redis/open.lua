-- Opens an engine. The first engine on a Redis stores two random texts: the bytes that `Engine.key` returns on every gateway, and the
-- secret from which the epochs of inboxes (`lua/state.lua`) derive. An open engine runs this script again if Redis has perhaps lost them.
-- KEYS: key, epochs, transfer, state.
-- ARGV: 1 the engine's key, if there is none yet; 2 the secret of the epochs, if there is none yet.
-- Returns false while a transfer to this Redis is unfinished; else the engine's key; and the secret of the epochs.
if call('EXISTS', K.transfer) == 1 then return reply(false) end
call('SET', K.key, arg(1), 'NX')
call('SET', K.epochs, arg(2), 'NX')
call('HINCRBY', K.state, STATE.opened, 1)
return reply(call('GET', K.key), call('GET', K.epochs))
