-- Makes a failed event of the user an owed one.
local seq, id = arg(1), arg(2)
if not call('ZSCORE', K.failed, seq) then return reply(next_due(), 0) end
local event = find(seq, id)
if not event or cjson.decode(event).userId ~= userId then return reply(next_due(), 0) end
call('ZREM', K.failed, seq)
call('HDEL', K.events, 'a' .. seq)
call('ZADD', K.owed, seq, seq)
call('ZADD', K.queue, seq, seq)
local order = call('ZRANGE', K.queue, 0, 1)
if order[1] == seq then
  if order[2] then call('ZREM', K.due, order[2]) end
  call('ZADD', K.due, now, seq)
end
return reply(next_due(), 1)
