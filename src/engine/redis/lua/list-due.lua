-- Notes that the partition is reached. Returns how many senders' copies are owed in it, milliseconds until something else is due of a user, -1 if nothing is, and the
-- users of whom something is due now. Returns an empty list if nothing is due soon, as in most of many partitions.
visit()
local owed = call('HLEN', K.pending)
local first = call('ZRANGE', K.deadlines, 0, 0, 'WITHSCORES')
local delay = first[2] and math.ceil(tonumber(first[2]) - now)
if owed == 0 and (not delay or delay >= tonumber(arg(2))) then return {} end
if not delay or delay > 0 then return { owed, delay or -1 } end
local found = call('ZRANGEBYSCORE', K.deadlines, '-inf', now, 'LIMIT', 0, arg(1))
local following = call('ZRANGEBYSCORE', K.deadlines, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return { owed, following[2] and math.ceil(tonumber(following[2]) - now) or -1, unpack(found) }
