-- A part of scripts: the queue of a user's pending webhook events, and that of the app's own events in a partition. The owner of the app's
-- own events is the empty id. A queue lists the numbers of events. The hash `events` has the record of the queue, as JSON under `q` and the
-- owner's id. `fields.ts` describes the record's fields. An empty queue has no record.

-- The node (engine of a gateway) that adds an event delivers it. If that node has gone, the sweep, which is another node's regular look for
-- what is due, finds the event this many milliseconds after it was due. The sweep knows the app's events by a member of `deadlines` with an
-- empty user's id.
local DUE_EVENTS_WAIT = 5000

local function events_member() return appId .. '\0' end

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

local function size_of(event) return #event + RULES.eventOverhead end

-- Adds to the counts of a queue and of the app's pending events in the partition.
local function count_events(queue, number, bytes)
  queue[QUEUE.bytes] = math.max(queue[QUEUE.bytes] + bytes, 0)
  count('events', number)
  count('eventBytes', bytes)
end
