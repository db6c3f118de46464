-- Renews the lease of a node. Returns the nodes whose lease has ended, and those that live.
local lease = tonumber(arg(1))
local isNew = arg(2) == '1'
local wasLost = not isNew and not call('ZSCORE', K.nodes, self)
call('ZADD', K.nodes, now + lease, self)
return reply(wasLost and 1 or 0, call('ZRANGEBYSCORE', K.nodes, '-inf', now), call('ZRANGEBYSCORE', K.nodes, '(' .. string.format('%.0f', now), '+inf'))
