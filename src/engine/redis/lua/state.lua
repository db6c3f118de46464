-- Shared by all scripts: the hash `state`, which describes a server. In a cluster each partition has such a hash, because a partition may
-- move to another server. `fields.ts` describes the fields of the hash.
local MAX_PAUSE = 6000
-- An epoch names one sequence of an inbox's offsets. The number of an epoch is the generation, followed by how many inboxes of the user
-- were deleted. The number has 14 digits at most, because cjson writes no more.
local DELETIONS_PER_GENERATION = 1000
-- The time by the server's clock, which is `now` without `shift`; the number of the history, the generation, and what `STATE.unsettled` and
-- `STATE.absent` have, if the script knows them; whether the script has called `visit`; whether the script may write.
local unshifted, historyNumber, generation, unsettled, absent, isVisited, mayWrite

local function begin_state(writes)
  unshifted, historyNumber, generation, unsettled, absent, isVisited, mayWrite = now - shift, nil, nil, nil, nil, false, writes
end

-- Returns the time since which nodes have reached the server without a pause. During a pause Redis or every node is away, so no client can
-- come back. A deadline that has not passed when a pause begins counts anew from the end of the pause. If this script is the first after a
-- pause, the result is the present time.
local function reached_since()
  local state = call('HMGET', K.state, STATE.reachedAt, STATE.reachedSince)
  if state[1] and math.abs(unshifted - state[1]) > MAX_PAUSE then return now end
  return tonumber(state[2] or 0)
end

-- Returns a number for a history or a generation. It counts hundredths of a second since 2026, so it is new even if Redis has lost the last
-- number: no server restarts twice within a hundredth. The 11 digits that are left for it in an epoch suffice for 30 years.
local function number_after(last)
  local FIRST_AT, UNIT = 1767225600000, 10
  return math.max((last or 0) + 1, math.floor((unshifted - FIRST_AT) / UNIT))
end

-- Tells every node that the history or the generation has another number.
local function tell_history()
  local event = { type = 'history', partition = tonumber(partition) }
  events[#events + 1] = event
  publish_to('all', text(event))
end

-- Leaves the history unsettled until the nodes have said what they know, or the time is over. `awaited` has the nodes that must say so.
local function unsettle(isLossy, awaited)
  unsettled = text({ since = unshifted, kept = {}, awaited = awaited or {}, isLossy = isLossy })
  call('HSET', K.state, STATE.unsettled, unsettled)
end

-- Ends the doubt, if there is one. The nodes that have not said what they know become absent.
local function settle(doubt)
  local names = {}
  for node in pairs(doubt and doubt.awaited or {}) do
    if doubt.kept[node] == nil then names[#names + 1] = node end
  end
  if #names > 0 then
    absent = table.concat(names, ' ')
    call('HSET', K.state, STATE.absent, absent)
  end
  unsettled = nil
  call('HDEL', K.state, STATE.unsettled)
end

-- Begins another generation of epochs: the server lacks messages that clients have seen, and may give their offsets to other messages. If
-- nodes may know such messages (`doubt`), they store these before others come: messages of one sender keep their order.
local function begin_generation(doubt)
  local last = generation
  generation = number_after(last)
  call('HSET', K.state, STATE.generation, whole(generation))
  if doubt then unsettle(true, doubt.awaited) else settle() end
  if last then tell_history() end
end

-- Whether the history was settled before the calling node has said what it knows. Until it has, it may not store anything new: messages of
-- one sender keep their order.
local function is_absent() return absent and string.find(absent, self, 1, true) end

-- Notes that the calling node has said what it knows.
local function forget_absent()
  if not is_absent() then return end
  local names = {}
  for node in string.gmatch(absent, '%S+') do
    if node ~= self then names[#names + 1] = node end
  end
  absent = #names > 0 and table.concat(names, ' ') or nil
  if absent then call('HSET', K.state, STATE.absent, absent) else call('HDEL', K.state, STATE.absent) end
end

-- Looks whether the history of the server has changed: the server was restarted, a replica became the master, or the partition moved. The
-- server may then lack messages that were acknowledged. So the history is unsettled until the nodes have said that it lacks nothing that
-- they know of (`history-keep.lua`). If they have not said so within `SETTLE_TIME`, another generation begins, and they get `LOSS_TIME` to
-- store what is missing. Servers replicate writes in their order, so the server has all writes from before its `reachedAt`. That time
-- becomes `wholeUntil`.
local function check_history()
  local SETTLE_TIME, LOSS_TIME = 5000, 1000
  if shared and shared.isSettled then
    historyNumber, generation, absent = shared.number, shared.generation, shared.absent
    return
  end
  local state = call('HMGET', K.state, STATE.history, STATE.number, STATE.generation, STATE.unsettled, STATE.reachedAt, STATE.absent)
  historyNumber, generation, unsettled = tonumber(state[2] or state[3] or nil), tonumber(state[3] or nil), state[4]
  absent = state[6]
  if state[1] ~= history() then
    historyNumber = number_after(historyNumber)
    call('HSET', K.state, STATE.history, history(), STATE.number, whole(historyNumber))
    -- What an unsettled history lacks, this one lacks, too.
    if not unsettled then call('HSET', K.state, STATE.wholeUntil, state[5] or 0) end
    -- The process that has begun this history counts evictions from 0.
    call('HDEL', K.state, STATE.evicted)
    if generation then
      unsettle()
      tell_history()
    else
      begin_generation()
    end
  elseif unsettled then
    local doubt = cjson.decode(unsettled)
    local age = math.abs(unshifted - doubt.since)
    if doubt.isLossy and age > LOSS_TIME then settle(doubt) end
    if not doubt.isLossy and age > SETTLE_TIME then begin_generation(doubt) end
  end
  if not shared or unsettled then return end
  shared.isSettled, shared.number, shared.generation, shared.absent = true, historyNumber, generation, absent
end

-- Fails with UNSETTLED while the history is unsettled, or the calling node is absent. A script that writes, and gives or returns an offset or
-- an epoch, calls this function before it changes anything.
local function await_epochs()
  check_history()
  if unsettled or is_absent() then error({ err = 'UNSETTLED The gateways compare what they know with this server.' }) end
end

-- Reads the generation for a script that must also run while the history is unsettled.
local function read_generation() generation = tonumber(call('HGET', K.state, STATE.generation) or 0) end

-- Returns the number of the history that was last noticed.
local function history_number() return historyNumber or tonumber(call('HGET', K.state, STATE.number) or nil) or 0 end

local note_sweep, swept_since
do
  -- For each prefix of an engine's keys: the time since which sweeps have come to this server without a pause, and when the last one came. In
  -- a cluster one node sweeps each partition. If that node is killed, nobody sweeps the partition until the node's lease has ended. That is
  -- no pause if other nodes meanwhile sweep other partitions of the same server.
  local sweeps = {}

  function note_sweep()
    -- Without a cluster all partitions have the same `state`, and engines in other databases of the server have the same `sweeps`.
    if serverPrefix ~= '' then return end
    local name = string.match(prefix, '^[^{]*')
    local known = sweeps[name]
    if not known or math.abs(unshifted - known.at) > MAX_PAUSE then
      known = { since = unshifted }
      sweeps[name] = known
    end
    known.at = unshifted
  end

  -- Returns what `reached_since` returns, but a time in which nodes swept other partitions of this server is no pause.
  function swept_since()
    local state = call('HMGET', K.state, STATE.reachedAt, STATE.reachedSince)
    local known = sweeps[string.match(prefix, '^[^{]*')]
    local isSwept = known and math.abs(unshifted - known.at) <= MAX_PAUSE and state[1] and known.since <= tonumber(state[1])
    return isSwept and tonumber(state[2] or 0) or reached_since()
  end
end

-- Notes that a node has reached the server, and returns `since()`.
local function note_reached(since)
  local REACHED_INTERVAL = 2000
  -- This call comes first, because it reads `reachedAt` as the earlier history has left it.
  check_history()
  local start = since()
  local last = call('HGET', K.state, STATE.reachedAt)
  if not last or math.abs(unshifted - last) > REACHED_INTERVAL then
    call('HSET', K.state, STATE.reachedAt, unshifted, STATE.reachedSince, start)
  end
  return start
end

-- Returns the generation. A script that only reads can't note a changed history, so it fails with UNSETTLED, too: the caller runs
-- `state-note` until that succeeds, and then this script again.
local function stored_generation()
  if generation then return generation end
  if mayWrite or (shared and shared.isSettled) then
    await_epochs()
  else
    local state = call('HMGET', K.state, STATE.history, STATE.generation, STATE.unsettled)
    if state[3] or state[1] ~= history() then error({ err = 'UNSETTLED The history of the server is not noted.' }) end
    generation = tonumber(state[2])
  end
  return generation
end

-- Returns the number in the epoch of a user's inbox.
local function epoch_of(user) return stored_generation() * DELETIONS_PER_GENERATION + user.deletions end

local visit
do
  -- How many keys the server has evicted, and when that was read. The number is read again only after `HISTORY_KNOWN_FOR` milliseconds: to
  -- read it takes longer than all else that a call of the sweep does, and in a cluster the sweep makes a call for each partition.
  local knownEvicted, evictedAt
  local function evicted_keys()
    if not knownEvicted or math.abs(unshifted - evictedAt) > HISTORY_KNOWN_FOR then
      knownEvicted, evictedAt = info('stats', 'evicted_keys'), unshifted
    end
    return knownEvicted
  end

  -- Begins another generation if the server has evicted keys. Engines refuse a server that reports a policy of eviction, but the policy may
  -- change later.
  local function check_evictions()
    local evicted = evicted_keys()
    local known = call('HGET', K.state, STATE.evicted) or '0'
    if not tonumber(evicted) or tonumber(evicted) <= tonumber(known) then return end
    call('HSET', K.state, STATE.evicted, evicted, STATE.wholeUntil, unshifted)
    begin_generation()
  end

  -- Called by a sweep. Notes that a node has reached the server, and checks for evictions. A script for several partitions does both once,
  -- because these partitions are on one server. In a cluster a script has only one partition.
  function visit()
    if isVisited then return end
    isVisited = true
    note_sweep()
    note_reached(swept_since)
    check_evictions()
  end
end
