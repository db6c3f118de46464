-- Lists users with sessions that are attached to a node.
-- KEYS: attached.
-- ARGV: 1 the node; 2 how many users at most; 3 the member after which the list begins (empty to begin with the first).
-- Returns a list of members: the node, the app and the user, separated by NUL.
local from = optional(3) and '(' .. arg(3) or '[' .. arg(1) .. '\0'
return call('ZRANGEBYLEX', K.attached, from, '(' .. arg(1) .. '\1', 'LIMIT', 0, arg(2))
