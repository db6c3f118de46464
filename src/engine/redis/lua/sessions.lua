-- Shared by all scripts: the changes of a user's sessions.

-- Returns whether a credential is revoked: because of its user, its app, or its token. `issuedAt` is nil if the time is not known. `token`
-- is nil if the credential has no token's id.
local function is_revoked(user, issuedAt, token)
  local before = revoked_before(user)
  return (before and (not issuedAt or issuedAt <= before)) or (token and call('HEXISTS', K.tombs, token) == 1)
end

-- Returns the next number for a session's start or detachment, or for the hiding of a page.
local function next_number() return call('HINCRBY', K.numbers, 'session', 1) end

-- Sorts rows by a field. Among rows with the same value, the session that started first comes first.
local function sort_by(list, field)
  table.sort(list, function(a, b)
    return a[field] < b[field] or (a[field] == b[field] and a[SESSION.number] < b[SESSION.number])
  end)
end

-- Returns what a webhook event says about a session: JSON without braces.
local function facts_of(row)
  local facts = cjson.decode(row[SESSION.facts])
  return '"sessionId":' .. text(row.id) .. ',"guest":' .. tostring(row[SESSION.guest] == 1) .. ',"way":' .. text(row[SESSION.authMethod])
    .. ',"origin":' .. text(facts.origin) .. ',"address":' .. text(facts.address) .. ',"client":' .. text(facts.client)
    .. ',"startedAt":' .. string.format('%.0f', row[SESSION.startedAt])
end

-- Tells the node of a session that the session left a connection, because another connection carries it now.
local function report_replaced(row)
  local connection = row[SESSION.connectionId]
  if not connection then return end
  emit(row[SESSION.nodeId], { type = 'connection-replaced', appId = appId, userId = userId, sessionId = row.id, connectionId = connection })
end

-- Tells the calling node that a session no longer uses its token. The node deletes the field that `use` names from the token's Redis hash,
-- which may be in another partition than the user.
local function release_token(credential, use)
  if use then events[#events + 1] = { type = 'token-released', appId = appId, userId = userId, credential = credential, use = use } end
end

-- Removes a session, and does not report its end.
local function remove(user, row)
  sessions()[row.id] = nil
  tally(row.id)
  release_token(row[SESSION.credential], row[SESSION.tokenUse])
  areChanged = true
  call('HDEL', K.sessions, row.id)
  call('ZREM', K.live, row.id .. '\0' .. userId)
  count('sessions', -1)
  -- The time never goes back: a session that ended earlier may have been seen later.
  set(user, 'lastSeenAt', math.max(user.lastSeenAt or 0, row[SESSION.lastSeenAt]))
end

-- Removes sessions so that one more can start. Returns their rows.
local function make_room(user, limit)
  local others, removed = {}, {}
  for _, each in pairs(sessions()) do others[#others + 1] = each end
  -- Returns the index of the first field of `RULES.makesRoom` that the session has, and the number in that field.
  local function rank(each)
    for group, field in ipairs(RULES.makesRoom) do
      local number = each[SESSION[field]]
      if number then return group, number end
    end
  end
  table.sort(others, function(a, b)
    local groupA, numberA = rank(a)
    local groupB, numberB = rank(b)
    return groupA < groupB or (groupA == groupB and numberA < numberB)
  end)
  for n = 1, #others - math.max(limit - 1, 0) do
    removed[n] = others[n]
    remove(user, others[n])
  end
  return removed
end

-- Adds a webhook event if the user came online or went offline.
local function add_presence_event(user, wasOnline)
  local online = presence(user)
  if online ~= wasOnline then add_event(user, online and 'user.online' or 'user.offline', '') end
end

-- Tells the node of the connection, and the app's backend, that a session has ended.
local function report_end(user, row, code, wasOnline)
  emit(row[SESSION.nodeId] or self, { type = 'session-ended', appId = appId, userId = userId, sessionId = row.id, code = code })
  if asked['session.ended'] then add_event(user, 'session.ended', facts_of(row) .. ',"code":' .. text(code)) end
  add_presence_event(user, wasOnline)
end

-- Deletes the user's push devices. The calling node deletes the devices' own keys, which may be in other partitions.
local function end_devices(user)
  local devices = user.deviceCount and call('HGET', K.user, USER.devices)
  if devices then events[#events + 1] = { type = 'devices-ended', appId = appId, userId = userId, devices = devices } end
  clear(user, { 'devices', 'deviceCount', 'pushDueAt', 'pushCall' })
end

-- Deletes the user's inbox. The user's next inbox has another epoch, unless the messages have moved. The caller also calls `store_inbox`.
local function delete_inbox(user, hasMoved)
  if user.newest > 0 then
    -- The keys are deleted even if the numbers show no message: older messages may be there if somebody has deleted the newest ones by
    -- hand.
    call('UNLINK', K.inbox, K.unread, K.peerLog)
    call('ZREM', K.aging, userId)
    count('inboxes', -1)
    count('bytes', -user.bytes)
    if not hasMoved then user.deletions = user.deletions + 1 end
  end
  reset_inbox(user)
  clear(user, { 'unreadCheckAt', 'unreadCheckOffset' })
end

-- Deletes the user. The inbox stays, and so do a revocation and an adoption.
local function delete_user(user)
  if user.createdAt then
    call('ZREM', K.users, userId)
    count('users', -1)
    if user.guest then count('guests', -1) end
  end
  clear(user, { 'createdAt', 'guest', 'lastSeenAt', 'profiles', 'sender' })
  end_devices(user)
end

-- Deletes the user and the inbox if the user is a guest who has no sessions and no messages, and whose `keptUntil` has passed or is nil.
local function forget_guest(user)
  if not user.guest or not user.createdAt or user.first <= user.newest or (user.keptUntil and user.keptUntil > now) then return end
  if select(2, presence(user)) > 0 then return end
  if user.newest > 0 then
    -- Most steps do not declare the keys of the inbox: more keys would slow, for example, each start of a session. With `keptUntil` 0 the
    -- sweep runs the step `user-due`, which declares them.
    if not declared.inbox then return set(user, 'keptUntil', 0) end
    delete_inbox(user)
  end
  delete_user(user)
  set(user, 'keptUntil', nil)
  add_event(user, 'user.deleted', '')
end

local function end_session(user, row, code)
  local wasOnline = presence(user)
  if row[SESSION.connectionId] then row[SESSION.lastSeenAt] = now end
  remove(user, row)
  report_end(user, row, code, wasOnline)
  if row[SESSION.guest] == 1 then forget_guest(user) end
end

-- Ends the detached sessions that can no longer be resumed, and notes which of the others no longer make the user online. With `isLast`, in
-- the last step of `read_step`, it looks at the rows even if no deadline has passed.
local function end_due_sessions(user, isLast)
  if not isLast and (not user.sessionsDueAt or user.sessionsDueAt > now) then return end
  local expired, away, since = {}, {}, swept_since()
  sessions()
  -- Earlier steps, if any, have read only pages of the rows. So `finish` must now write what follows from all rows.
  areChanged = true
  add_presence_event(user, user.online ~= nil)
  for _, row in pairs(rows) do
    if row[SESSION.expiresAt] then
      local expiresAt = math.max(row[SESSION.expiresAt], since + row[SESSION.resumableFor])
      local offlineAt = math.max(row[SESSION.offlineAt], since + RULES.offlineAfter)
      local isOnline = not row[SESSION.offline]
      if expiresAt <= now then
        expired[#expired + 1] = row
      elseif isOnline and offlineAt <= now then
        away[#away + 1] = row
      elseif expiresAt > row[SESSION.expiresAt] or (isOnline and offlineAt > row[SESSION.offlineAt]) then
        row[SESSION.expiresAt], row[SESSION.offlineAt] = expiresAt, offlineAt
        put(row)
      end
    end
  end
  sort_by(expired, SESSION.expiresAt)
  for _, row in ipairs(expired) do
    end_session(user, row, 'timeout')
  end
  local wasOnline = presence(user)
  for _, row in ipairs(away) do
    row[SESSION.offline] = true
    put(row)
  end
  if #away > 0 then add_presence_event(user, wasOnline) end
end

-- Returns the row of a session that is attached to this connection; nil if another connection or none carries it.
local function attached(id, connection)
  local row = sessions()[id]
  if row and row[SESSION.connectionId] == connection then return row end
end

-- Detaches a session, which can be resumed for `duration` milliseconds. Its connection was lost now, or at `lostAt`.
local function detach(row, duration, lostAt)
  row[SESSION.connectionId] = nil
  row[SESSION.nodeId] = nil
  row[SESSION.resumableFor] = duration
  row[SESSION.detached] = row[SESSION.detached] or next_number()
  row[SESSION.expiresAt] = now + duration
  if not row[SESSION.offline] then row[SESSION.offlineAt] = (lostAt or now) + RULES.offlineAfter end
  put(row)
end

-- Reads the rows whose sessions a step may end: all rows, or one page if the user has many. `step` is empty in the first step. In a later
-- step it is what the step before has returned: a cursor for the next page, or `last` after the last page. A step that has read a page
-- takes the number of all rows, and whether the user is online, from what is stored. If the page has all rows, this step is the last. The
-- last step also calls `end_due_sessions`. Returns `step` for the next step, or nil after the last; and whether this step has read only a
-- page.
local function read_step(user, step)
  -- A user may have 10,000 rows, and other calls wait while a script reads.
  local ROWS_PER_STEP = 500
  if step == 'last' or (step == '' and call('HLEN', K.sessions) <= ROWS_PER_STEP) then
    end_due_sessions(user, step == 'last')
    return nil, false
  end
  local page = call('HSCAN', K.sessions, step == '' and '0' or step, 'COUNT', ROWS_PER_STEP)
  load_rows(page[2])
  local others = call('HLEN', K.sessions) - total
  if others == 0 then
    end_due_sessions(user, true)
    return nil, false
  end
  total = total + others
  if user.online then onlineCount = onlineCount + 1 end
  return page[1] ~= '0' and page[1] or 'last', true
end

-- Tells the nodes that watch the user that the user came online or went offline. A node orders these events by their time.
local function tell_watchers(user, online)
  local nodes = call('ZRANGEBYSCORE', K.watch, '(' .. whole(now), '+inf')
  if #nodes == 0 then return end
  local seen = online and now or user.lastSeenAt
  emit(table.concat(nodes, ' '), { type = 'presence', appId = appId, userId = userId, online = online, lastSeenAt = seen, at = now })
end

-- Writes the user's nodes, presence and deadlines as they follow from the sessions. Each script that changes sessions calls it last. A
-- script that also changes the inbox calls `store_inbox`, too.
local function finish(user, isPage)
  if areChanged and isPage then
    local LAST_STEP_WITHIN = 5000
    -- Only the last step knows all sessions. If the last step does not come, the sweep does its work at this deadline.
    set(user, 'sessionsDueAt', math.min(user.sessionsDueAt or math.huge, now + LAST_STEP_WITHIN))
  elseif areChanged then
    local nodes, seen, nextAt = {}, {}, nil
    for _, row in pairs(rows) do
      local node = row[SESSION.nodeId]
      if node and not seen[node] then
        seen[node] = true
        nodes[#nodes + 1] = node
      end
      local at, offlineAt = row[SESSION.expiresAt], row[SESSION.offlineAt]
      if at and offlineAt and not row[SESSION.offline] and offlineAt < at then at = offlineAt end
      if at and (not nextAt or at < nextAt) then nextAt = at end
    end
    local names = #nodes > 0 and table.concat(nodes, ' ') or nil
    if names ~= user.nodes then
      local before = {}
      for node in string.gmatch(user.nodes or '', '%S+') do
        before[node] = true
        if not seen[node] then call('ZREM', K.attached, node .. '\0' .. member) end
      end
      for _, node in ipairs(nodes) do
        if not before[node] then call('ZADD', K.attached, '0', node .. '\0' .. member) end
      end
      set(user, 'nodes', names)
    end
    local online, wasOnline = presence(user), user.online ~= nil
    if wasOnline and not online then
      -- A node that later begins to watch the user reads no rows, so `lastSeenAt` takes up the latest time of the rows.
      for _, row in pairs(rows) do set(user, 'lastSeenAt', math.max(user.lastSeenAt or 0, row[SESSION.lastSeenAt])) end
    end
    set(user, 'online', online and '1' or nil)
    if online ~= wasOnline then tell_watchers(user, online) end
    set(user, 'sessionsDueAt', nextAt)
  end
  schedule(user)
  store_fields(user)
  announce()
end
