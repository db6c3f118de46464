-- Reads the counts of an app's data in a partition.
-- KEYS: counts.
-- ARGV: none.
-- Returns the numbers of users, guests, inboxes, bytes and sessions.
return call('HMGET', K.counts, 'users', 'guests', 'inboxes', 'bytes', 'sessions')
