-- Reads whether the data can be transferred from this Redis.
-- KEYS: nodes, transfer, key, apps, state.
-- ARGV: none.
-- Returns how many nodes live; 1 if a transfer to this Redis is unfinished, else 0; how often an engine was opened; the engine's key; and
--   for each app its id, and its options.
local live = call('ZCOUNT', K.nodes, '(' .. string.format('%.0f', now), '+inf')
local opened = call('HGET', K.state, STATE.opened) or '0'
return reply_list(call('HGETALL', K.apps), live, call('EXISTS', K.transfer), opened, call('GET', K.key))
