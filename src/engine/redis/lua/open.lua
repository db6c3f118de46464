-- Returns the engine's keys, which the first engine makes.
call('SET', K.key, arg(1), 'NX')
call('SET', K.epochs, arg(2), 'NX')
return reply(call('GET', K.key), call('GET', K.epochs), unpack(call('HGETALL', K.apps)))
