-- Publishes a text to one node. The names of nodes here are those that clients may see.
-- KEYS: check.
-- ARGV: 1 the name of the node; 2 the text.
-- Returns how many nodes received it.
return reply(call(publish, channel_of('name:' .. arg(1)), arg(2)))
