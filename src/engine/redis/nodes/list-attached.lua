-- Lists users with sessions that are attached to a node.
-- KEYS: attached.
-- ARGV: 1 the node; 2 how many users at most.
-- Returns a list of members: the node, the app and the user, separated by NUL.
return call('ZRANGEBYLEX', K.attached, '[' .. arg(1) .. '\0', '(' .. arg(1) .. '\1', 'LIMIT', 0, arg(2))
