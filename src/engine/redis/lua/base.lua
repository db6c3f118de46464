-- Begins every script: the time, the user's hash, and events for gateways.
-- `K` holds the step's keys by name. The first nine arguments are the same for all scripts.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
local self, publish, channel = ARGV[2], ARGV[3], ARGV[4]
local appId, userId, partition = ARGV[5], ARGV[6], ARGV[7]
local member = appId .. '\0' .. userId
local events = {}

local function arg(n) return ARGV[n + 9] end
-- An argument that may be null: null is the empty string.
local function optional(n)
  if ARGV[n + 9] ~= '' then return ARGV[n + 9] end
end

local function text(value) return cjson.encode(value) end

-- Sends an event to gateways: their node ids are separated by spaces. The caller's own events are returned. Others are sent `brief`.
local function emit(nodes, event, brief)
  if not nodes then return end
  for node in string.gmatch(nodes, '%S+') do
    if node == self then
      events[#events + 1] = text(event)
    else
      call(publish, channel .. node, text(brief or event))
    end
  end
end

-- The differences of the app's counts by their key: a message may change those of the sender's partition too.
local differences = {}

-- Adds to a count of the app in the partition of `owner`, the user by default. The reply writes the sums.
local function count(field, difference, keys, owner)
  local key = keys and keys.counts or K.counts
  local fields = differences[key]
  if not fields then
    fields = { owner = owner or userId, of = {} }
    differences[key] = fields
  end
  fields.of[field] = (fields.of[field] or 0) + difference
end

-- A count with the differences of this step, of the value that was read.
local function with_difference(field, value)
  local sum = tonumber(value or 0)
  for _, fields in pairs(differences) do sum = sum + (fields.of[field] or 0) end
  return sum
end

local function reply(...)
  for key, fields in pairs(differences) do
    local counts = {}
    for field, difference in pairs(fields.of) do counts[field] = call('HINCRBY', key, field, difference) end
    -- The node adds up the counts of all partitions.
    if counts.guests or counts.inboxes or counts.bytes then
      events[#events + 1] = text({ 'c', appId, fields.owner, counts.guests or -1, counts.inboxes or -1, counts.bytes or -1 })
    end
  end
  return { events, ... }
end

-- The fields of a user's hash. The names are short because there may be millions of users.
local FIELDS = {
  'cr', -- when the user was created; absent if there is no user, but an inbox or a revocation
  's', -- the user's name and photo as messages carry them: JSON
  'g', -- whether the user is a guest
  'sb', -- until when a guest without a session is kept
  'rb', -- the time up to which credentials are revoked
  'ls', -- when the last session was seen that has ended
  'e', -- how often the user was deleted: the epoch's number
  'last', 'first', -- the newest offset, and the oldest that is retained
  'rd', 'un', -- the read offset, and the number of unread messages
  'by', -- the bytes of the messages
  'at', -- when the oldest message was stored, or earlier
  'on', -- the nodes whose connections carry sessions
  'ol', -- whether the user counts as online
  'sx', -- when a session's hold or presence ends
  'uc', 'uo', -- when to check for unread messages, and the offset of the first
  'nx', -- the least of these times: the user's score in `deadlines`
}
local TEXTS = { s = true, g = true, on = true, ol = true }

local function load(key)
  local user, values = { key = key, changed = {} }, call('HMGET', key, unpack(FIELDS))
  for n, field in ipairs(FIELDS) do
    local value = values[n]
    if value then user[field] = TEXTS[field] and value or tonumber(value) end
  end
  user.e = user.e or 0
  user.last = user.last or 0
  user.first = user.first or 1
  user.rd = user.rd or 0
  user.un = user.un or 0
  user.by = user.by or 0
  return user
end

local function set(user, field, value)
  if user[field] == value then return end
  user[field] = value
  user.changed[field] = true
end

-- Writes the changed fields.
local function store(user)
  local puts, dels = {}, {}
  for field in pairs(user.changed) do
    local value = user[field]
    if value == nil then
      dels[#dels + 1] = field
    else
      puts[#puts + 1] = field
      puts[#puts + 1] = value
    end
  end
  if #puts > 0 then call('HSET', user.key, unpack(puts)) end
  if #dels > 0 then call('HDEL', user.key, unpack(dels)) end
  user.changed = {}
end

-- Puts the user's next deadline into the partition's.
local function schedule(user)
  local nextAt
  for _, field in ipairs({ 'sx', 'sb', 'uc' }) do
    local at = user[field]
    if at and (not nextAt or at < nextAt) then nextAt = at end
  end
  if nextAt == user.nx then return end
  set(user, 'nx', nextAt)
  if nextAt then
    call('ZADD', K.deadlines, nextAt, member)
  else
    call('ZREM', K.deadlines, member)
  end
end

-- The time up to which the user's credentials are revoked; nil if there is none.
local function revoked_before(user)
  local app = tonumber(call('GET', K.revoked) or nil)
  if not app then return user.rb end
  return user.rb and math.max(user.rb, app) or app
end
