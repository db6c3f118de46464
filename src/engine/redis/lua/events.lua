-- Shared by all scripts: the webhook events of an app in a partition. The hash `events` has each event under its number. Under `a` and the
-- number it has the outcome of the event's deliveries so far, with the id of the call that counted the last attempt. `pending` and `failed`
-- list the numbers of the events in these states. `queue` lists the numbers of a user's pending events. `due` has the oldest pending event
-- of each user, with the time at which that event is due. Events of the app itself, which belong to no user, have an empty user id.
local function outcome_of(seq) return call('HGET', K.events, 'a' .. seq) or '{"attempts":0,"lastError":null}' end

-- Returns the JSON of the event with this number and this id; nil if there is none.
local function find(seq, id)
  local event = call('HGET', K.events, seq)
  local head = '{"id":"' .. id .. '"'
  if event and string.sub(event, 1, #head) == head then return event end
end

-- Returns the members of an event except `data`, which comes last. The data may have a message with half of a surrogate pair, which cjson
-- refuses.
local function members_of(event) return cjson.decode(string.match(event, '^(.-),"data":{') .. '}') end

-- Returns milliseconds until the next event is due; -1 if there is none. Also sets when the sweep looks for that event.
local function next_due()
  local dueAt = tonumber(call('ZRANGE', K.due, 0, 0, 'WITHSCORES')[2] or nil)
  if not dueAt then
    call('ZREM', K.deadlines, events_member())
    return -1
  end
  call('ZADD', K.deadlines, dueAt + DUE_EVENTS_WAIT, events_member())
  return math.max(0, math.ceil(dueAt - now))
end
