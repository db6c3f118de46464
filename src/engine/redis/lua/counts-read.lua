-- Returns the counts of an app's data in a partition.
return reply(unpack(call('HMGET', K.counts, 'users', 'guests', 'inboxes', 'bytes', 'sessions')))
