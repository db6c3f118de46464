-- Makes a failed event of the user pending again.
-- KEYS: …delivery.
-- ARGV: 1 the event's number; 2 the event's id.
-- Returns milliseconds until the app's next event in this partition is due, or -1 if none is pending; 1 if the user had this failed event,
--   else 0.
local seq, id = arg(1), arg(2)
if not call('ZSCORE', K.failed, seq) then return reply(next_due(), 0) end
local event = find(seq, id)
if not event or members_of(event).userId ~= userId then return reply(next_due(), 0) end
call('ZREM', K.failed, seq)
call('HDEL', K.events, 'a' .. seq)
call('ZADD', K.pending, seq, seq)
call('ZADD', K.queue, seq, seq)
local queue = queue_of(userId)
-- The event that was the oldest until now may be on its way to the receiver. Without these fields no later event removes or changes it.
queue[QUEUE.presence], queue[QUEUE.before], queue[QUEUE.dropped] = nil, nil, nil
count_events(queue, 1, size_of(event))
store_queue(userId, queue, call('ZCARD', K.queue))
local order = call('ZRANGE', K.queue, 0, 1)
if order[1] == seq then
  if order[2] then call('ZREM', K.due, order[2]) end
  call('ZADD', K.due, now, seq)
end
return reply(next_due(), 1)
