-- Lists the users of a partition who have a deadline, as guests whose messages move have.
-- KEYS: deadlines.
-- ARGV: none.
-- Returns the users: app and user, separated by NUL.
return call('ZRANGE', K.deadlines, 0, -1)
