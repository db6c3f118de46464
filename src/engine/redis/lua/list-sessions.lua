-- Returns an app's sessions after a number: each session's id, its user's id and its number.
return call('ZRANGEBYSCORE', K.live, '(' .. arg(1), '+inf', 'WITHSCORES', 'LIMIT', 0, arg(2))
