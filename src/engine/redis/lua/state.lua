-- What a server is known by, a hash; in a cluster each partition has one, because partitions move. `t` is when a node reached it last, `f` since
-- when nodes have reached it without a pause, `h` the history of the server that the epochs belong to, `v` how many keys it has evicted, and `g`
-- the generation of the epochs.
local MAX_PAUSE, REACHED_INTERVAL = 6000, 2000
-- An epoch's number is the generation with the number of deletions of the user. It has 14 digits at most: cjson writes no more.
local DELETIONS_PER_GENERATION = 1000
-- Generations count hundredths of a second since 2026. No server restarts within one, and the numbers have enough digits for 30 years.
local FIRST_GENERATION_AT, GENERATION_TIME = 1767225600000, 10
local unshifted = now - tonumber(ARGV[1])

-- Since when nodes have reached the server without a pause. In a pause Redis was away, or every node was, so no client could come back: a
-- deadline that began earlier is counted from then. Also if this step waited in a socket while the server was stopped.
local function reached_since()
  local state = call('HMGET', K.state, 't', 'f')
  if state[1] and math.abs(unshifted - state[1]) > MAX_PAUSE then return now end
  return tonumber(state[2] or 0)
end

-- A node has reached the server. Returns since when nodes have without a pause.
local function note_reached()
  local since = reached_since()
  local last = call('HGET', K.state, 't')
  if not last or math.abs(unshifted - last) > REACHED_INTERVAL then call('HSET', K.state, 't', unshifted, 'f', since) end
  return since
end

local function info(section, field) return string.match(call('INFO', section), field .. ':(%w+)') or '' end

local generation

-- The time makes the number one that was never used, also if the last generation is lost.
local function begin_generation(last, field, value)
  generation = math.max(tonumber(last or 0) + 1, math.floor((unshifted - FIRST_GENERATION_AT) / GENERATION_TIME))
  call('HSET', K.state, field, value, 'g', string.format('%.0f', generation))
  if not last then return end
  local json = text({ 'g', tonumber(partition) })
  events[#events + 1] = json
  call(publish, channel .. 'due', json)
end

-- Begins another generation of epochs if the server has another history than when the generation began: it was restarted, a replica became the
-- master, or the partition moved. Then it may lack messages that were acknowledged, and give their offsets again.
local function check_history()
  local history = info('replication', 'master_replid')
  local state = call('HMGET', K.state, 'h', 'g')
  generation = tonumber(state[2] or nil)
  if state[1] == history then return end
  begin_generation(generation, 'h', history)
  -- Another process counts its evictions from 0.
  call('HDEL', K.state, 'v')
end

-- The same if the server has evicted keys: its `maxmemory-policy` was changed after the engines were opened.
local function check_evictions()
  local evicted = info('stats', 'evicted_keys')
  local known = call('HGET', K.state, 'v') or '0'
  if tonumber(evicted) and tonumber(evicted) > tonumber(known) then begin_generation(generation, 'v', evicted) end
end

-- The number in the epoch of a user's inbox.
local function epoch_of(user)
  if not generation then generation = tonumber(call('HGET', K.state, 'g') or nil) end
  if not generation then check_history() end
  return generation * DELETIONS_PER_GENERATION + user.e
end

-- A sweep does all of this, once for all partitions of a call: they are on one server, or in a cluster there is one.
local isVisited = false
local function visit()
  if isVisited then return end
  isVisited = true
  note_reached()
  check_history()
  check_evictions()
end
