-- Shared by all scripts: the hash `state`, which describes a server. In a cluster each partition has such a hash, because a partition may
-- move to another server. `fields.ts` describes the fields of the hash.
local MAX_PAUSE, REACHED_INTERVAL = 6000, 2000
-- An epoch names one sequence of an inbox's offsets. The number of an epoch is the generation, followed by how many inboxes of the user
-- were deleted. The number has 14 digits at most, because cjson writes no more.
local DELETIONS_PER_GENERATION = 1000
-- The number of a generation counts hundredths of a second since 2026. No server restarts twice within a hundredth, so each generation has
-- its own number. The 11 digits that are left for this number suffice for 30 years.
local FIRST_GENERATION_AT, GENERATION_TIME = 1767225600000, 10
-- The time by the server's clock, which is `now` without `shift`; the generation, if the script knows it; whether the script has called
-- `visit`; whether the script may write.
local unshifted, generation, isVisited, mayWrite

local function begin_state(writes) unshifted, generation, isVisited, mayWrite = now - shift, nil, false, writes end

-- Returns the time since which nodes have reached the server without a pause. During a pause Redis or every node is away, so no client can
-- come back. A deadline that has not passed when a pause begins counts anew from the end of the pause. If this script is the first after a
-- pause, the result is the present time.
local function reached_since()
  local state = call('HMGET', K.state, STATE.reachedAt, STATE.reachedSince)
  if state[1] and math.abs(unshifted - state[1]) > MAX_PAUSE then return now end
  return tonumber(state[2] or 0)
end

-- Begins a generation. Tells every node about it, unless it is the server's first. The number of the generation comes from the time, so it
-- is new even if Redis has lost the last number. The server has lost no write from before `wholeUntil`.
local function begin_generation(last, field, value, wholeUntil)
  generation = math.max(tonumber(last or 0) + 1, math.floor((unshifted - FIRST_GENERATION_AT) / GENERATION_TIME))
  if shared then shared.generation = generation end
  call('HSET', K.state, field, value, STATE.generation, whole(generation), STATE.wholeUntil, wholeUntil)
  if not last then return end
  local event = { EVENT.generation, tonumber(partition) }
  events[#events + 1] = event
  publish_to('all', text(event))
end

-- Begins another generation of epochs if the history of the server has changed: the server was restarted, a replica became the master, or
-- the partition moved. The server may then lack messages that were acknowledged, and may give their offsets to other messages. Servers
-- replicate writes in their order, so the server has all writes from before its `reachedAt`. That time becomes `wholeUntil`.
local function check_history()
  generation = shared and shared.generation
  if generation then return end
  local state = call('HMGET', K.state, STATE.history, STATE.generation, STATE.reachedAt)
  generation = tonumber(state[2] or nil)
  if state[1] == history() then
    if shared then shared.generation = generation end
    return
  end
  begin_generation(generation, STATE.history, history(), state[3] or 0)
  -- The process that has begun this history counts evictions from 0.
  call('HDEL', K.state, STATE.evicted)
end

-- For each prefix of an engine's keys: the time since which sweeps have come to this server without a pause, and when the last one came. In
-- a cluster one node sweeps each partition. If that node is killed, nobody sweeps the partition until the node's lease has ended. That is
-- no pause if other nodes meanwhile sweep other partitions of the same server.
local sweeps = {}

local function note_sweep()
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
local function swept_since()
  local state = call('HMGET', K.state, STATE.reachedAt, STATE.reachedSince)
  local known = sweeps[string.match(prefix, '^[^{]*')]
  local isSwept = known and math.abs(unshifted - known.at) <= MAX_PAUSE and state[1] and known.since <= tonumber(state[1])
  return isSwept and tonumber(state[2] or 0) or reached_since()
end

-- Notes that a node has reached the server, and returns `since()`.
local function note_reached(since)
  -- This call comes first, because it reads `reachedAt` as the earlier history has left it.
  check_history()
  local start = since()
  local last = call('HGET', K.state, STATE.reachedAt)
  if not last or math.abs(unshifted - last) > REACHED_INTERVAL then
    call('HSET', K.state, STATE.reachedAt, unshifted, STATE.reachedSince, start)
  end
  return start
end

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
  if tonumber(evicted) and tonumber(evicted) > tonumber(known) then begin_generation(generation, STATE.evicted, evicted, unshifted) end
end

-- Returns the generation. Looks at the server's history only if no generation is stored. Scripts of one call share what one of them has
-- read.
local function stored_generation()
  if not generation and shared then generation = shared.generation or shared.stored end
  if not generation then
    generation = tonumber(call('HGET', K.state, STATE.generation) or nil)
    if shared then shared.stored = generation end
  end
  if not generation then
    -- The caller runs `state-note`, and then this script again.
    if not mayWrite then error({ err = 'NOSTATE The history of the server is not known.' }) end
    check_history()
  end
  return generation
end

-- Returns the number in the epoch of a user's inbox.
local function epoch_of(user) return stored_generation() * DELETIONS_PER_GENERATION + user.deletions end

-- Called by a sweep. Notes that a node has reached the server, and checks for evictions. A script for several partitions does both once,
-- because these partitions are on one server. In a cluster a script has only one partition.
local function visit()
  if isVisited then return end
  isVisited = true
  note_sweep()
  note_reached(swept_since)
  check_evictions()
end
