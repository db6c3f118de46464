-- Returns how many nodes live, whether a copy to this Redis did not finish, the engine's key, and the options of apps.
local live = call('ZCOUNT', K.nodes, '(' .. string.format('%.0f', now), '+inf')
return reply(live, call('EXISTS', K.copying), call('GET', K.key), unpack(call('HGETALL', K.apps)))
