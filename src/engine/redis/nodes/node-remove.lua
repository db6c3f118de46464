-- Forgets a node. The caller has made sure that no session is attached to it. A node whose lease was renewed meanwhile stays, unless it
-- removes itself.
-- KEYS: nodes, state.
-- ARGV: 1 the node.
-- Returns nothing.
local lease = tonumber(call('ZSCORE', K.nodes, arg(1)) or nil)
if lease and (lease <= now or arg(1) == self) then call('ZREM', K.nodes, arg(1)) end
-- A node that opens later does not know what this node has stored.
if arg(1) == self then call('HSET', K.state, STATE.leftAt, unshifted) end
return reply()
