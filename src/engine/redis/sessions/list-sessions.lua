-- Lists an app's sessions in a partition, in the order of their numbers. When a session starts, it gets the partition's next number for the
-- app.
-- KEYS: live.
-- ARGV: 1 the number after which the list begins; 2 how many sessions at most.
-- Returns for each session two values: its id and the user's id, separated by NUL; its number.
return call('ZRANGEBYSCORE', K.live, '(' .. arg(1), '+inf', 'WITHSCORES', 'LIMIT', 0, arg(2))
