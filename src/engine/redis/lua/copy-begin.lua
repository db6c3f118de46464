-- Marks a Redis to which another engine's data are copied, if it has no data.
if call('EXISTS', K.copying) == 1 then return reply('copying') end
if call('EXISTS', K.key) == 1 then return reply('used') end
call('SET', K.copying, now)
call('SET', K.epochs, arg(1))
return reply('empty')
