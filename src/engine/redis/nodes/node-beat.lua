-- Renews the lease of the calling node: until the lease ends, the node counts as alive. After a pause in which no node reached Redis, no
-- node counts as dead for the length of a lease: during the pause no node could renew its lease.
-- KEYS: nodes, state.
-- ARGV: 1 the lease in milliseconds; 2 `1` for the first beat of the node.
-- Returns 1 if the other nodes have counted the calling node as dead, or the server has lost its data, else 0; the nodes whose lease has
--   ended, each with the time of that end; the nodes that live; the time; since when the server has its data; how many milliseconds
--   ago a node last left, or -1 if none has; and all nodes that have or had a lease.
local lease = tonumber(arg(1))
local isNew = arg(2) == '1'
local since = note_reached(reached_since)
call('HSETNX', K.state, STATE.madeAt, unshifted)
local score = call('ZSCORE', K.nodes, self)
call('ZADD', K.nodes, now + lease, self)
local dead = since + lease <= now and call('ZRANGEBYSCORE', K.nodes, '-inf', now, 'WITHSCORES') or {}
-- From now on other nodes detach the sessions of a dead node. If the dead node returns, the negative score tells that node that it was
-- counted as dead. Then it closes its connections.
for n = 1, #dead, 2 do
  local endedAt = string.format('%.0f', math.abs(dead[n + 1]))
  dead[n + 1] = endedAt
  call('ZADD', K.nodes, '-' .. endedAt, dead[n])
end
local leftAt = call('HGET', K.state, STATE.leftAt)
local wasLost = not isNew and (not score or tonumber(score) <= 0)
return reply(wasLost and 1 or 0, dead, call('ZRANGEBYSCORE', K.nodes, '(' .. string.format('%.0f', now), '+inf'), now,
  call('HGET', K.state, STATE.madeAt), leftAt and math.max(unshifted - leftAt, 0) or -1, call('ZRANGE', K.nodes, 0, -1))
