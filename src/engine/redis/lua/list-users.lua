-- Returns the ids of an app's users after an id.
return call('ZRANGEBYLEX', K.users, arg(1) == '' and '-' or '(' .. arg(1), '+', 'LIMIT', 0, arg(2))
