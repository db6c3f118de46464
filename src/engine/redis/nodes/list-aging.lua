-- Lists an app's users whose oldest message is perhaps older than an age.
-- KEYS: aging.
-- ARGV: 1 the age in milliseconds; 2 how many users at most.
-- Returns the users' ids.
return call('ZRANGEBYSCORE', K.aging, '-inf', now - tonumber(arg(1)), 'LIMIT', 0, arg(2))
