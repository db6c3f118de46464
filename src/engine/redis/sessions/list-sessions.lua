-- Lists an app's sessions after a number.
-- KEYS: live.
-- ARGV: 1 the number; 2 how many sessions at most.
-- Returns for each session its id with the user's id, separated by NUL, and its number.
return call('ZRANGEBYSCORE', K.live, '(' .. arg(1), '+inf', 'WITHSCORES', 'LIMIT', 0, arg(2))
