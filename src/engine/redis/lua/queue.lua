-- Shared by all scripts: the queues of pending webhook events. Each user has a queue. In each partition the app has a queue for its own
-- events, and the owner of that queue is the empty id. A queue lists the numbers of events. The hash `events` has a record of each queue:
-- JSON under `q` and the owner's id. `fields.ts` describes the record's fields. An empty queue has no record.

-- The node that adds an event delivers it. If that node has gone, the sweep of another node finds the event this many milliseconds after it
-- was due. In `deadlines`, a member with an empty user id stands for all events of the app.
local DUE_EVENTS_WAIT = 5000

local function events_member() return appId .. '\0' end

local function queue_of(owner)
  local json = call('HGET', K.events, 'q' .. owner)
  return json and cjson.decode(json) or { [QUEUE.bytes] = 0 }
end

-- Writes the record of a queue with `size` events. Deletes the record if `size` is 0.
local function store_queue(owner, queue, size)
  if size == 0 then
    call('HDEL', K.events, 'q' .. owner)
  else
    call('HSET', K.events, 'q' .. owner, text(queue))
  end
end

local function size_of(event) return #event + RULES.eventOverhead end

-- Adds to the bytes of a queue, and to the app's counts of pending events.
local function count_events(queue, number, bytes)
  queue[QUEUE.bytes] = math.max(queue[QUEUE.bytes] + bytes, 0)
  count('events', number)
  count('eventBytes', bytes)
end
