-- Reads whether the data can be transferred from this Redis.
-- KEYS: nodes, transfer, key, apps.
-- ARGV: none.
-- Returns how many nodes live, 1 if a transfer to this Redis is unfinished, the engine's key, and the apps with their options.
local live = call('ZCOUNT', K.nodes, '(' .. string.format('%.0f', now), '+inf')
return reply_list(call('HGETALL', K.apps), live, call('EXISTS', K.transfer), call('GET', K.key))
