-- Returns the users for whom a node carries connections.
return call('ZRANGEBYLEX', K.attached, '[' .. arg(1) .. '\0', '(' .. arg(1) .. '\1', 'LIMIT', 0, arg(2))
