-- Lists the users of an app after an id.
-- KEYS: users.
-- ARGV: 1 the id; empty for the first users; 2 how many users at most.
-- Returns the users' ids.
return call('ZRANGEBYLEX', K.users, arg(1) == '' and '-' or '(' .. arg(1), '+', 'LIMIT', 0, arg(2))
