-- Reads whether the data can be transferred from this Redis.
-- KEYS: nodes, transfer, key, apps, appNotes, state.
-- ARGV: none.
-- Returns how many nodes live; 1 if a transfer to this Redis is unfinished, else 0; how often an engine was opened; the engine's key; a list
--   with the id of each app whose inboxes were searched for unread messages; and for each app its id, and its options.
local live = call('ZCOUNT', K.nodes, '(' .. string.format('%.0f', now), '+inf')
local opened = call('HGET', K.state, STATE.opened) or '0'
local searched = {}
for _, field in ipairs(call('HKEYS', K.appNotes)) do searched[#searched + 1] = string.match(field, '^(.*)%z$') end
return reply_list(call('HGETALL', K.apps), live, call('EXISTS', K.transfer), opened, call('GET', K.key), searched)
