-- Returns the users of an app whose oldest message may be older than an age.
return call('ZRANGEBYSCORE', K.aging, '-inf', now - tonumber(arg(1)), 'LIMIT', 0, arg(2))
