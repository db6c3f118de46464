-- A part of scripts: the script that makes a change also adds its webhook events. The eighth argument of every script has random digits,
-- `unreadAfter`, and the types of events that the app asks for.
local asked, salt, unreadAfter, epochBase = {}, '', nil, ARGV[9]
if ARGV[8] ~= '' then
  local n = 0
  for part in string.gmatch(ARGV[8], '[^,]+') do
    n = n + 1
    if n == 1 then
      salt = part
    elseif n == 2 then
      unreadAfter = tonumber(part)
    else
      asked[part] = true
    end
  end
end

-- Returns whether the user is online, and the number of sessions. `sessions.lua` replaces `presence`.
local function stored_presence(user) return user.online ~= nil, call('HLEN', K.sessions) end
local presence = stored_presence

local isDue = false

-- Adds an event if the app asks for its type. `data` is JSON without braces.
local function add_event(user, kind, data)
  if not asked[kind] then return end
  local online, sessions = presence(user)
  if data ~= '' then data = data .. ',' end
  -- Receivers ignore an event whose number is smaller than one that they have seen. A number that follows the time also rises between
  -- partitions, and after Redis has lost data.
  local seq = math.max(tonumber(call('HGET', K.counts, 'seq') or 0) + 1, now)
  call('HSET', K.counts, 'seq', string.format('%.0f', seq))
  local seqText = string.format('%.0f', seq)
  local event = '{"id":"evt_' .. partition .. '_' .. seqText .. '_' .. salt .. '","type":"' .. kind .. '","seq":' .. seqText
    .. ',"at":' .. string.format('%.0f', now) .. ',"appId":' .. text(appId) .. ',"userId":' .. text(userId)
    .. ',"data":{' .. data .. '"online":' .. tostring(online) .. ',"sessions":' .. sessions .. '}}'
  call('HSET', K.events, seqText, event)
  call('ZADD', K.pending, seq, seqText)
  call('ZADD', K.queue, seq, seqText)
  if call('ZCARD', K.queue) == 1 then
    call('ZADD', K.due, now, seqText)
    isDue = true
  end
end

-- Tells every node that events of the app are due in this partition.
local function announce()
  if not isDue then return end
  isDue = false
  local json = text({ EVENT.webhooksDue, appId, tonumber(partition), self })
  events[#events + 1] = json
  call(publish, channel .. 'due', json)
end
