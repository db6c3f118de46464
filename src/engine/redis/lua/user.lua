-- Shared by all scripts: the hash of a user. `fields.ts` describes its fields, and makes from them the functions that name each one: `load`
-- reads all fields but the large ones; `load_inbox` reads those that a message needs, which takes half as long; `pack_numbers` and
-- `set_numbers` pack and unpack the numbers of the inbox.

-- Sets the numbers of the inbox to those of a new inbox, except `deletions`. So the epoch stays.
local function reset_inbox(user)
  local deletions = user.deletions
  set_numbers(user, NEW_INBOX)
  user.deletions = deletions
end

-- Changes a field that is not a number of the inbox. `store_fields` writes it.
local function set(user, field, value)
  if user[field] == value then return end
  user[field] = value
  user.changed = user.changed or {}
  user.changed[field] = true
end

-- Deletes fields, including those that `load` does not read.
local function clear(user, names)
  for _, name in ipairs(names) do
    user[name] = nil
    user.changed = user.changed or {}
    user.changed[name] = true
  end
end

-- Writes the numbers of the inbox if they have changed. The numbers of a new inbox are not kept: otherwise Redis would keep the hash of
-- each adopted guest for ever.
local function store_inbox(user)
  local inbox = pack_numbers(user)
  if inbox == user.inbox then return end
  user.inbox = inbox
  if inbox == NEW_INBOX then
    call('HDEL', user.key, USER.inbox)
  else
    call('HSET', user.key, USER.inbox, inbox)
  end
end

-- Writes the changed fields other than `inbox`.
local function store_fields(user)
  if not user.changed then return end
  local puts, dels = {}, {}
  for field in pairs(user.changed) do
    local value = user[field]
    if value == nil then
      dels[#dels + 1] = USER[field]
    else
      puts[#puts + 1] = USER[field]
      puts[#puts + 1] = type(value) == 'number' and whole(value) or value
    end
  end
  if #puts > 0 then call('HSET', user.key, unpack(puts)) end
  if #dels > 0 then call('HDEL', user.key, unpack(dels)) end
  user.changed = nil
end

local function store(user)
  store_inbox(user)
  store_fields(user)
end

local DEADLINES = { 'sessionsDueAt', 'keptUntil', 'unreadCheckAt', 'moveDueAt', 'pushDueAt', 'dueAt' }

-- Reads the deadlines, which `load_inbox` leaves out and `schedule` needs.
local function load_deadlines(user)
  local whole = load(user.key)
  for _, field in ipairs(DEADLINES) do user[field] = whole[field] end
end

-- Puts the user's next deadline into `deadlines` of the partition.
local function schedule(user)
  local nextAt
  for n = 1, #DEADLINES - 1 do
    local field = DEADLINES[n]
    local at = user[field]
    if at and (not nextAt or at < nextAt) then nextAt = at end
  end
  if nextAt == user.dueAt then return end
  set(user, 'dueAt', nextAt)
  if nextAt then
    call('ZADD', K.deadlines, nextAt, member)
  else
    call('ZREM', K.deadlines, member)
  end
end

-- Returns a time: credentials of the user that were issued up to this time are revoked. Returns nil if there is no such time.
local function revoked_before(user)
  local app = tonumber(call('GET', K.revoked) or nil)
  if not app then return user.revokedBefore end
  return user.revokedBefore and math.max(user.revokedBefore, app) or app
end
