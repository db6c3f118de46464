-- Lists the users of a partition who have a deadline. A guest whose messages still move has one.
-- KEYS: deadlines.
-- ARGV: none.
-- Returns the users: app and user, separated by NUL.
return call('ZRANGE', K.deadlines, 0, -1)
