-- Returns how many events are owed, and when the oldest of them happened.
local seq = call('ZRANGE', K.owed, 0, 0)[1]
return { call('ZCARD', K.owed), seq and cjson.decode(call('HGET', K.events, seq)).at or false }
