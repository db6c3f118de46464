-- An inbox: a stream whose ids are the offsets. An entry has m (the message as JSON, without its offset), s (its bytes), a (when it was
-- stored) and f (its sender; empty for the backend). The hash `unread` counts unread messages and their bytes by sender.
local MAX_EXPIRED = 64

local function entry_of(raw)
  local entry = { offset = tonumber(string.match(raw[1], '^%d+')) }
  for n = 1, #raw[2], 2 do entry[raw[2][n]] = raw[2][n + 1] end
  return entry
end

local function entries(keys, from, to, count)
  local found = {}
  for n, raw in ipairs(call('XRANGE', keys.inbox, from .. '-0', to .. '-9', 'COUNT', count)) do found[n] = entry_of(raw) end
  return found
end

local function forget_unread(keys, user, entry)
  set(user, 'un', math.max(user.un - 1, 0))
  if call('HINCRBY', keys.unread, 'n' .. entry.f, -1) <= 0 then
    call('HDEL', keys.unread, 'n' .. entry.f, 'b' .. entry.f)
  else
    call('HINCRBY', keys.unread, 'b' .. entry.f, -tonumber(entry.s))
  end
end

-- Deletes an inbox's oldest messages: those in `old`, which begin with the first.
local function drop(keys, user, owner, old)
  if #old == 0 then return end
  local bytes = 0
  for _, entry in ipairs(old) do
    bytes = bytes + tonumber(entry.s)
    if entry.offset > user.rd and entry.f ~= owner then forget_unread(keys, user, entry) end
  end
  set(user, 'first', old[#old].offset + 1)
  set(user, 'by', user.by - bytes)
  count('bytes', -bytes, keys, owner)
  if user.first > user.last then
    call('DEL', keys.inbox)
    call('ZREM', keys.aging, owner)
  else
    call('XTRIM', keys.inbox, 'MINID', user.first .. '-0')
  end
end

-- The messages that are not retained once the inbox's newest offset is `last` and it has `bytes` bytes.
local function beyond(keys, user, last, bytes, retention)
  local old, first = {}, user.first
  while first <= user.last do
    local chunk = entries(keys, first, user.last, 16)
    if #chunk == 0 then break end
    for _, entry in ipairs(chunk) do
      local isBeyond = entry.offset < last - retention.messages + 1 or (bytes > retention.bytes and entry.offset < last)
      if not isBeyond then return old end
      bytes = bytes - tonumber(entry.s)
      old[#old + 1] = entry
      first = entry.offset + 1
    end
  end
  return old
end

local function exceeds(user, last, bytes, retention)
  return last - user.first + 1 > retention.messages or bytes > retention.bytes
end

-- Deletes the messages beyond the retention.
local function trim(keys, user, owner, retention)
  if exceeds(user, user.last, user.by, retention) then
    drop(keys, user, owner, beyond(keys, user, user.last, user.by, retention))
  end
end

-- Deletes messages that are older than `age`, a limited number in one step. Returns whether more may have expired.
local function expire(keys, user, owner, age)
  if user.first > user.last or not user.at or user.at + age > now then return false end
  local old = {}
  for _, entry in ipairs(entries(keys, user.first, user.last, MAX_EXPIRED)) do
    set(user, 'at', tonumber(entry.a))
    if user.at + age > now then break end
    old[#old + 1] = entry
  end
  drop(keys, user, owner, old)
  if user.first <= user.last then call('ZADD', keys.aging, user.at, owner) end
  return #old == MAX_EXPIRED
end

-- Stores a message and deletes those that it pushes out.
local function append(keys, user, owner, json, size, from, retention)
  local last = user.last + 1
  if exceeds(user, last, user.by + size, retention) then
    drop(keys, user, owner, beyond(keys, user, last, user.by + size, retention))
  end
  call('XADD', keys.inbox, last .. '-1', 'm', json, 's', size, 'a', now, 'f', from)
  if user.last == 0 then count('inboxes', 1, keys, owner) end
  if user.first > user.last then
    set(user, 'at', now)
    call('ZADD', keys.aging, now, owner)
  end
  set(user, 'first', user.first)
  set(user, 'last', last)
  set(user, 'by', user.by + size)
  count('bytes', size, keys, owner)
  if from ~= owner then
    set(user, 'un', user.un + 1)
    call('HINCRBY', keys.unread, 'n' .. from, 1)
    call('HINCRBY', keys.unread, 'b' .. from, size)
  end
  return last
end

local function message_of(offset, json) return '{"offset":' .. string.format('%.0f', offset) .. ',' .. string.sub(json, 2) end
