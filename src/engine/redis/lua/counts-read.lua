-- Returns the counts of an app's data in a partition.
return call('HMGET', K.counts, 'users', 'guests', 'inboxes', 'bytes', 'sessions')
