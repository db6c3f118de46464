-- A part of scripts: the queue of a user's pending events, and of the app's own events in a partition, whose owner is the empty id. The
-- queue lists numbers. The hash `events` has the record of the queue, as JSON under `q` and the owner's id. `fields.ts` describes the
-- record's fields. An empty queue has no record.

-- Returns the record of a queue.
local function queue_of(owner)
  local json = call('HGET', K.events, 'q' .. owner)
  return json and cjson.decode(json) or { [QUEUE.bytes] = 0 }
end

-- Writes the record of a queue that has `size` numbers.
local function store_queue(owner, queue, size)
  if size == 0 then
    call('HDEL', K.events, 'q' .. owner)
  else
    call('HSET', K.events, 'q' .. owner, text(queue))
  end
end

-- Returns about how many bytes an event takes.
local function size_of(event) return #event + RULES.eventOverhead end

-- Adds to the counts of a queue and of the app's pending events in the partition.
local function count_events(queue, number, bytes)
  queue[QUEUE.bytes] = math.max(queue[QUEUE.bytes] + bytes, 0)
  count('events', number)
  count('eventBytes', bytes)
end
