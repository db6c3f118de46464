-- Adds a webhook event that is transferred from another engine.
-- KEYS: events, pending, failed, queue, due, counts, numbers.
-- ARGV: 1 its number; 2 its JSON; 3 its id; 4 the outcome of its deliveries, as JSON; 5 `pending` or `failed`.
-- Returns 1 if this call or an earlier call has stored the event. Returns 0 if another event has the number, or if the event is pending and
--   the user has a pending event with a higher number.
local seq, json, id, outcome, state = arg(1), arg(2), arg(3), arg(4), arg(5)
if find(seq, id) then return reply(1) end
local newest = call('ZRANGE', K.queue, -1, -1)[1]
if call('HEXISTS', K.events, seq) == 1 or (state == 'pending' and newest and tonumber(newest) >= tonumber(seq)) then return reply(0) end
call('HSET', K.events, seq, json, 'a' .. seq, outcome)
call('HSET', K.numbers, 'event', string.format('%.0f', math.max(tonumber(call('HGET', K.numbers, 'event') or 0), tonumber(seq))))
if state == 'failed' then
  call('ZADD', K.failed, seq, seq)
  return reply(1)
end
call('ZADD', K.pending, seq, seq)
call('ZADD', K.queue, seq, seq)
local queue = queue_of(userId)
count_events(queue, 1, size_of(json))
store_queue(userId, queue, call('ZCARD', K.queue))
if not newest then call('ZADD', K.due, now, seq) end
return reply(1)
