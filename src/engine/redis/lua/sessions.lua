-- The sessions of a user. A row is JSON: n its number, s and l when it started and was last seen, c its connection and i that connection's
-- node, k and p its key and the one before, h and d the numbers of its hiding and its detachment, hf its hold, x when that ends, o when its
-- user counts as offline and f whether that has come, g whether its user is a guest, r its rtt, w, t and ia its credential's way, token and
-- time, cr the credential, fa the facts of its client.
local rows, areChanged = nil, false

local function sessions()
  if rows then return rows end
  rows = {}
  local all = call('HGETALL', K.sessions)
  for n = 1, #all, 2 do
    local row = cjson.decode(all[n + 1])
    row.id = all[n]
    rows[row.id] = row
  end
  return rows
end

presence = function()
  local online, count = false, 0
  for _, row in pairs(sessions()) do
    count = count + 1
    if not row.f then online = true end
  end
  return online, count
end

local function encode(row)
  local id = row.id
  row.id = nil
  local json = text(row)
  row.id = id
  return json
end

local function put(row)
  sessions()[row.id] = row
  areChanged = true
  local json = encode(row)
  call('HSET', K.sessions, row.id, json)
  return json
end

local function next_number() return call('HINCRBY', K.counts, 'number', 1) end

-- What a webhook event says about a session.
local function facts_of(row)
  local facts = cjson.decode(row.fa)
  return '"sessionId":' .. text(row.id) .. ',"guest":' .. tostring(row.g == 1) .. ',"way":' .. text(row.w)
    .. ',"origin":' .. text(facts.origin) .. ',"address":' .. text(facts.address) .. ',"client":' .. text(facts.client)
    .. ',"startedAt":' .. string.format('%.0f', row.s)
end

-- Removes a session without an event.
local function remove(user, row)
  sessions()[row.id] = nil
  areChanged = true
  call('HDEL', K.sessions, row.id)
  call('ZREM', K.live, row.id .. '\0' .. userId)
  count('sessions', -1)
  if next(rows) == nil then set(user, 'ls', row.l) end
end

local function owe_presence(user, wasOnline)
  local online = presence()
  if online ~= wasOnline then owe(user, online and 'user.online' or 'user.offline', '') end
end

-- Tells the node of the session's connection, and the app's backend, that it has ended.
local function report_end(user, row, code, wasOnline)
  emit(row.i or self, { 'e', appId, userId, row.id, code })
  if asked['session.ended'] then owe(user, 'session.ended', facts_of(row) .. ',"code":' .. text(code)) end
  owe_presence(user, wasOnline)
end

-- Deletes a guest without sessions and messages.
local function forget_guest(user)
  if not user.g or not user.cr or user.first <= user.last or (user.sb and user.sb > now) then return end
  if next(sessions()) ~= nil then return end
  call('ZREM', K.users, userId)
  count('users', -1)
  count('guests', -1)
  for _, field in ipairs({ 'cr', 'g', 'sb', 'ls', 'v', 'va', 'c', 's' }) do
    user[field] = nil
    user.changed[field] = true
  end
  owe(user, 'user.deleted', '')
end

local function finish_session(user, row, code, wasOnline)
  remove(user, row)
  report_end(user, row, code, wasOnline)
  if row.g == 1 then forget_guest(user) end
end

-- Ends the sessions whose hold has expired, and marks those by which the user no longer counts as online.
local function settle(user)
  if not user.sx or user.sx > now then return end
  local expired, away, since = {}, {}, reached_since()
  for _, row in pairs(sessions()) do
    if row.x then
      local x, o = math.max(row.x, since + row.hf), math.max(row.o, since + RULES.offlineAfter)
      if x <= now then
        expired[#expired + 1] = row
      elseif not row.f and o <= now then
        away[#away + 1] = row
      elseif x > row.x or (not row.f and o > row.o) then
        row.x, row.o = x, o
        put(row)
      end
    end
  end
  table.sort(expired, function(a, b) return a.x < b.x or (a.x == b.x and a.n < b.n) end)
  for _, row in ipairs(expired) do
    local wasOnline = presence()
    finish_session(user, row, 'timeout', wasOnline)
  end
  local wasOnline = presence()
  for _, row in ipairs(away) do
    row.f = true
    put(row)
  end
  if #away > 0 then owe_presence(user, wasOnline) end
end

-- The session that a connection carries.
local function carried(id, connection)
  local row = sessions()[id]
  if row and row.c == connection then return row end
end

local function hold(row, duration)
  row.c = nil
  row.i = nil
  row.hf = duration
  row.d = row.d or next_number()
  row.x = now + duration
  if not row.f then row.o = now + RULES.offlineAfter end
  put(row)
end

-- Ends the step: writes what follows from the sessions as they are now.
local function finish(user)
  if areChanged then
    local nodes, seen, nextAt = {}, {}, nil
    for _, row in pairs(rows) do
      if row.c and not seen[row.i] then
        seen[row.i] = true
        nodes[#nodes + 1] = row.i
      end
      local at = row.x
      if at and row.o and not row.f and row.o < at then at = row.o end
      if at and (not nextAt or at < nextAt) then nextAt = at end
    end
    local before = {}
    for node in string.gmatch(user.on or '', '%S+') do
      before[node] = true
      if not seen[node] then call('ZREM', K.attached, node .. '\0' .. member) end
    end
    for _, node in ipairs(nodes) do
      if not before[node] then call('ZADD', K.attached, 0, node .. '\0' .. member) end
    end
    set(user, 'on', #nodes > 0 and table.concat(nodes, ' ') or nil)
    set(user, 'ol', presence() and '1' or nil)
    set(user, 'sx', nextAt)
  end
  schedule(user)
  store(user)
  announce()
end
