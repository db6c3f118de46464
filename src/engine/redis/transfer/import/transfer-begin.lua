-- Notes that a transfer to this Redis is unfinished, unless the Redis has data.
-- KEYS: transfer, key, epochs.
-- ARGV: 1 the secret from which epochs are derived.
-- Returns `unfinished` if an earlier transfer has not finished, `used` if there are data, else `empty`.
if call('EXISTS', K.transfer) == 1 then return reply('unfinished') end
if call('EXISTS', K.key) == 1 then return reply('used') end
call('SET', K.transfer, now)
call('SET', K.epochs, arg(1))
return reply('empty')
