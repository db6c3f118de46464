-- Shared by all scripts: how webhook events are added. The script that makes a change also adds the events that report the change. The last
-- of the common arguments has, separated by commas: random digits for ids; the text that precedes the number in the epoch of the user's
-- inbox; the option `unreadAfter`; the limits of a user's pending events, in number and bytes; the app's limits, in a cluster what other
-- partitions leave of them, in number and bytes; and the types of events that the app asks for. The argument is empty for an app without webhooks.
local NONE = {}
local asked, salt, unreadAfter, epochBase, limits, isDue

local function begin_webhooks(webhooks)
  asked, unreadAfter, isDue = NONE, nil, false
  if webhooks == '' then return end
  asked, limits = {}, {}
  local n = 0
  for part in string.gmatch(webhooks, '[^,]+') do
    n = n + 1
    if n == 1 then
      salt = part
    elseif n == 2 then
      epochBase = part
    elseif n == 3 then
      unreadAfter = tonumber(part)
    elseif n <= 7 then
      limits[n - 3] = part == '-' and math.huge or tonumber(part)
    else
      asked[part] = true
    end
  end
end

-- Returns an event as JSON. `data` is JSON without braces.
local function event_of(id, seq, kind, owner, data)
  return '{"id":"' .. id .. '","type":"' .. kind .. '","seq":' .. seq .. ',"at":' .. string.format('%.0f', now) .. ',"appId":'
    .. text(appId) .. ',"userId":' .. text(owner) .. ',"data":{' .. data .. '}}'
end

-- Returns an event with a number and an id of its own.
local function new_event(kind, owner, data)
  -- Receivers ignore an event whose number is smaller than one that they have seen. So the number is at least the time. Then it is also
  -- greater than earlier numbers in other partitions, and than numbers that Redis has lost.
  local seq = string.format('%.0f', math.max(tonumber(call('HGET', K.numbers, 'event') or 0) + 1, now))
  return event_of('evt_' .. partition .. '_' .. seq .. '_' .. salt, seq, kind, owner, data), seq
end

-- Adds an event to a queue. `online` is what the event says about presence. It is nil for an event of the app itself.
local function append_event(key, queue, owner, kind, event, seq, online)
  call('HSET', K.numbers, 'event', seq)
  call('HSET', K.events, seq, event)
  call('ZADD', K.pending, seq, seq)
  call('ZADD', key, seq, seq)
  local size = call('ZCARD', key)
  if kind == 'user.online' or kind == 'user.offline' then
    queue[QUEUE.presence], queue[QUEUE.before] = seq, queue[QUEUE.online]
  elseif kind == 'events.dropped' then
    queue[QUEUE.dropped] = seq
  end
  queue[QUEUE.online] = online
  count_events(queue, 1, size_of(event))
  store_queue(owner, queue, size)
  if size == 1 then
    call('ZADD', K.due, now, seq)
    isDue = true
  end
end

-- Returns the oldest number of a queue, the newest number, and how many numbers there are. Callers do not change the oldest event, because
-- it may be on its way to the receiver.
local function range_of(key) return call('ZRANGE', key, 0, 0)[1], call('ZRANGE', key, -1, -1)[1], call('ZCARD', key) end

-- Removes the user's newest event about presence if this event and a new one with the presence `online` cancel each other. Returns whether
-- they do. They cancel each other only if the newest of the other events says the same about presence as the new event: receivers go by the
-- newest event.
local function cancel_presence(queue, online)
  local seq = queue[QUEUE.presence]
  if not seq or not call('ZSCORE', K.queue, seq) then return false end
  local first, newest, size = range_of(K.queue)
  if size < RULES.eventsBehind or seq == first then return false end
  local left = queue[QUEUE.online]
  if newest == seq then left = queue[QUEUE.before] end
  local event = call('HGET', K.events, seq)
  if left ~= online or cjson.decode(event).type == (online and 'user.online' or 'user.offline') then return false end
  call('HDEL', K.events, seq)
  call('ZREM', K.pending, seq)
  call('ZREM', K.queue, seq)
  queue[QUEUE.presence], queue[QUEUE.before], queue[QUEUE.online] = nil, nil, left
  count_events(queue, -1, -size_of(event))
  store_queue(userId, queue, size - 1)
  return true
end

-- Counts a dropped event. If the newest event of the queue is an `events.dropped`, and not also the oldest event, that event counts the
-- drop. Else this function adds an `events.dropped`. `state` is the JSON of what the `events.dropped` says about presence.
local function drop_event(key, owner, kind, state, online)
  events[#events + 1] = { type = 'event-dropped', appId = appId, eventType = kind }
  local queue = queue_of(owner)
  local first, newest, size = range_of(key)
  if newest and newest ~= first and newest == queue[QUEUE.dropped] then
    local event = call('HGET', K.events, newest)
    local known = cjson.decode(event)
    local dropped = known.data.dropped
    dropped[kind] = (dropped[kind] or 0) + 1
    local changed = event_of(known.id, newest, 'events.dropped', owner, '"dropped":' .. text(dropped) .. state)
    call('HSET', K.events, newest, changed)
    queue[QUEUE.online] = online
    count_events(queue, 0, #changed - #event)
    return store_queue(owner, queue, size)
  end
  local event, seq = new_event('events.dropped', owner, '"dropped":' .. text({ [kind] = 1 }) .. state)
  append_event(key, queue, owner, 'events.dropped', event, seq, online)
end

-- Adds an event if the app asks for its type. `data` is JSON without braces.
local function add_event(user, kind, data)
  if not asked[kind] then return end
  local online, sessions = presence(user)
  local queue = queue_of(userId)
  if (kind == 'user.online' or kind == 'user.offline') and cancel_presence(queue, online) then return end
  local state = '"online":' .. tostring(online) .. ',"sessions":' .. sessions
  local event, seq = new_event(kind, userId, (data == '' and '' or data .. ',') .. state)
  local size = size_of(event)
  if call('ZCARD', K.queue) + 1 > limits[1] or queue[QUEUE.bytes] + size > limits[2] then
    return drop_event(K.queue, userId, kind, ',' .. state, online)
  end
  if counted('events') + 1 > limits[3] or counted('eventBytes') + size > limits[4] then
    return drop_event(K.appQueue, '', kind, '', nil)
  end
  append_event(K.queue, queue, userId, kind, event, seq, online)
end

-- If this script has made events due, tells the calling node, and sets when the sweep looks for these events.
local function announce()
  if not isDue then return end
  isDue = false
  call('ZADD', K.deadlines, 'LT', now + DUE_EVENTS_WAIT, events_member())
  events[#events + 1] = { type = 'webhooks-due', appId = appId, partition = tonumber(partition) }
end
