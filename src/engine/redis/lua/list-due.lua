-- Returns how many senders' copies are owed in a partition, milliseconds until something else is due of a user, -1 if nothing is, and the
-- users of whom something is due now.
local found = call('ZRANGEBYSCORE', K.deadlines, '-inf', now, 'LIMIT', 0, arg(1))
local following = call('ZRANGEBYSCORE', K.deadlines, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return reply(call('HLEN', K.pending), following[2] and math.ceil(tonumber(following[2]) - now) or -1, unpack(found))
