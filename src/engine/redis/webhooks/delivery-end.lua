-- Ends the delivery of a user's oldest pending event.
-- KEYS: …delivery.
-- ARGV: 1 the event's number; 2 the event's id; 3 `delivered`, `retry` or `failed`; 4 for `retry`: the milliseconds until the next
--   delivery; 5 why the delivery failed; 6 how many failed events a partition keeps; 7 the id of this call.
-- Returns milliseconds until the app's next event in this partition is due, or -1 if none is pending.
local seq, id, result, retryIn, reason, maxFailed = arg(1), arg(2), arg(3), tonumber(arg(4)), arg(5), tonumber(arg(6))
local event = find(seq, id)
if not event or call('ZRANGE', K.queue, 0, 0)[1] ~= seq then return reply(next_due()) end
local function note()
  local known = cjson.decode(outcome_of(seq))
  -- After a lost reply this call may come again. Both calls count as one attempt.
  if known.call == arg(7) then return end
  call('HSET', K.events, 'a' .. seq, text({ attempts = known.attempts + 1, lastError = reason, call = arg(7) }))
end
if result == 'retry' then
  note()
  call('ZADD', K.due, now + math.max(0, retryIn), seq)
  return reply(next_due())
end
call('ZREM', K.due, seq)
call('ZREM', K.queue, seq)
call('ZREM', K.pending, seq)
local queue = queue_of(userId)
count_events(queue, -1, -size_of(event))
store_queue(userId, queue, call('ZCARD', K.queue))
if result == 'failed' then
  note()
  call('ZADD', K.failed, seq, seq)
  for _, old in ipairs(call('ZRANGE', K.failed, 0, -maxFailed - 1)) do
    call('ZREM', K.failed, old)
    call('HDEL', K.events, old, 'a' .. old)
  end
else
  call('HDEL', K.events, seq, 'a' .. seq)
end
local following = call('ZRANGE', K.queue, 0, 0)[1]
if following then call('ZADD', K.due, now, following) end
return reply(next_due())
