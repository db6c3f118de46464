-- Returns the engine's keys, which the first engine makes; false while another engine's data are being copied here.
if call('EXISTS', K.copying) == 1 then return reply(false) end
call('SET', K.key, arg(1), 'NX')
call('SET', K.epochs, arg(2), 'NX')
return reply(call('GET', K.key), call('GET', K.epochs), unpack(call('HGETALL', K.apps)))
