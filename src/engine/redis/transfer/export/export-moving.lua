-- Lists the users of a partition who have a deadline. Among these are all adopted guests whose messages still have to be moved.
-- KEYS: deadlines.
-- ARGV: none.
-- Returns for each user the app's id, NUL, and the user's id (empty for the app's webhook events).
return call('ZRANGE', K.deadlines, 0, -1)
