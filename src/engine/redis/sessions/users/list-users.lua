-- Lists an app's users in a partition, in the order of their ids.
-- KEYS: users.
-- ARGV: 1 the id after which the list begins (empty to begin with the first); 2 how many users at most.
-- Returns the users' ids.
return call('ZRANGEBYLEX', K.users, arg(1) == '' and '-' or '(' .. arg(1), '+', 'LIMIT', 0, arg(2))
