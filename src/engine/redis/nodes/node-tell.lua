-- Publishes a text to one node.
-- KEYS: check.
-- ARGV: 1 the node's id, or `name:` and its name; 2 the text.
-- Returns how many nodes received it.
return reply(publish_to(arg(1), arg(2)))
