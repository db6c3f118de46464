-- Shared by all scripts: the sessions of a user. The hash `sessions` has a row of JSON for each session's id. `fields.ts` describes the
-- fields of a row. A script uses the names of that file, as in `row[SESSION.startedAt]`. `row.id` is the session's id while the script
-- runs.
local rows, areChanged
-- How many sessions there are, how many of them make the user online, and for each session whether it makes the user online.
local total, onlineCount, isOnline

local function begin_rows() rows, areChanged = nil, false end

-- Corrects `total`, `onlineCount` and `isOnline` after a row has changed. `row` is nil if the row is removed.
local function tally(id, row)
  if isOnline[id] ~= nil then
    total = total - 1
    if isOnline[id] then onlineCount = onlineCount - 1 end
    isOnline[id] = nil
  end
  if not row then return end
  isOnline[id] = not row[SESSION.offline]
  total = total + 1
  if isOnline[id] then onlineCount = onlineCount + 1 end
end

-- Makes rows from a list in which the JSON of each row follows the session's id.
local function load_rows(list)
  rows, total, onlineCount, isOnline = {}, 0, 0, {}
  for n = 1, #list, 2 do
    local row = cjson.decode(list[n + 1])
    row.id = list[n]
    rows[row.id] = row
    tally(row.id, row)
  end
end

-- Returns the user's rows by the ids of their sessions.
local function sessions()
  if not rows then load_rows(call('HGETALL', K.sessions)) end
  return rows
end

-- Returns whether the user is online, and the number of sessions, including what this script has changed.
local function presence(user)
  if rows then return onlineCount > 0, total end
  return user.online ~= nil, call('HLEN', K.sessions)
end

local function encode(row)
  local id = row.id
  row.id = nil
  local json = text(row)
  row.id = id
  return json
end

-- Notes an id in `tombs`, for `duration` milliseconds at least: a start of this session, by this connection, or with this token
-- (`tokenHash`) comes too late. The default is an hour, because after an outage of Redis a node may make the start of a session again. With
-- `starts`, only the session's starts up to this number come too late.
local function bury(name, duration, starts)
  local HOUR = 3600000
  duration = duration or HOUR
  call('HSET', K.tombs, name, (starts or '1e9') .. ' ' .. whole(now + duration))
  if call('PTTL', K.tombs) < duration then call('PEXPIRE', K.tombs, duration) end
  -- The key lives as long as sessions of the user go on to end. So with each new note the script looks at two notes at random, and deletes
  -- those whose time is over. Then the key has about twice as many notes as still count.
  local some = call('HRANDFIELD', K.tombs, 2, 'WITHVALUES')
  for n = 1, #some, 2 do
    if tonumber(string.match(some[n + 1], '%d+$')) <= now then call('HDEL', K.tombs, some[n]) end
  end
end

-- Writes a row. Returns its JSON. If the caller passes `json`, `row` needs only the fields that the script still reads.
local function put(row, json)
  sessions()[row.id] = row
  tally(row.id, row)
  areChanged = true
  json = json or encode(row)
  call('HSET', K.sessions, row.id, json)
  return json
end
