-- Reads the counts of an app's data, in a cluster those in a partition.
-- KEYS: counts.
-- ARGV: none.
-- Returns the numbers of users, guests, inboxes, bytes of messages, sessions, pending webhook events, and bytes of these events.
return call('HMGET', K.counts, 'users', 'guests', 'inboxes', 'bytes', 'sessions', 'events', 'eventBytes')
