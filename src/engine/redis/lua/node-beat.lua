-- Renews the lease of a node. Returns the nodes whose lease has ended, and those that live. A lease ends at the earliest when the nodes have
-- reached Redis for its time without a pause: if Redis was away, no node could renew its own.
local lease = tonumber(arg(1))
local isNew = arg(2) == '1'
local since = note_reached()
local score = call('ZSCORE', K.nodes, self)
call('ZADD', K.nodes, now + lease, self)
local dead = since + lease <= now and call('ZRANGEBYSCORE', K.nodes, '-inf', now) or {}
-- Others hold the sessions of a dead node from now on, so it must close its connections though it may renew its lease in the meantime.
for _, node in ipairs(dead) do call('ZADD', K.nodes, 0, node) end
local wasLost = not isNew and (not score or tonumber(score) == 0)
return reply(wasLost and 1 or 0, dead, call('ZRANGEBYSCORE', K.nodes, '(' .. string.format('%.0f', now), '+inf'))
