-- Reads how many bytes a sender's messages take in the inboxes of others in a partition.
-- KEYS: held.
-- ARGV: 1 the sender.
-- Returns the bytes; nothing if there are none.
return { call('HGET', K.held, arg(1)) }
