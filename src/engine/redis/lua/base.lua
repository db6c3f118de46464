-- What every script uses: its arguments, the time, the app's counts, and its result. `script.ts` joins the parts, which are files of
-- this folder, and all scripts into one library. The library's variables live as long as the server's process, so each script first calls
-- `begin`, which sets the variables of that script. `RULES` has the rules of `src/engine/rules.ts`. `USER`, `SESSION` and so on are the
-- tables of `fields.ts`. `prelude.ts` replaces their entries by the values. The first `COMMON_ARGS` arguments have the same meaning in all
-- scripts. `arg`, and each script's own comment, count from the argument after these.
local COMMON_ARGS = 7
-- If one call runs several scripts, this table has what they share: the time; the generation of epochs (`state.lua`); and, without a
-- cluster, the counts of each app. If not, it is nil.
local shared
-- These functions are called often, so they are locals, which Lua finds faster. `begin` sets them, because there is no `redis.call` while
-- Redis loads the library.
local call, format
-- `K` has the names of the script's keys by their kinds (`scopes.ts`).
local KEYS, ARGV, K
local now, prefix, appId, userId, partition, member
-- The beginning of the names of the keys that all partitions share. Empty in a cluster, where each partition has keys of its own.
local serverPrefix
-- `context` is the argument that all calls of a node have in common. The other variables are parts of `context`: milliseconds to add to the
-- time of the server's clock; the node's id; the command that publishes; what the names of channels begin with.
local context, shift, self, publish, channels
-- The events for the calling node, in the form of `wire-event.ts`; what this script adds to the app's counts; and what
-- `counts_of_app` returns.
local events, differences, counts

-- Returns an argument of the script.
local function arg(n) return ARGV[n + COMMON_ARGS] end
-- Returns an argument, or nil if it is the empty string.
local function optional(n)
  local value = ARGV[n + COMMON_ARGS]
  if value ~= '' then return value end
end

local function arg_count() return #ARGV - COMMON_ARGS end

-- Returns all arguments.
local function all_args() return unpack(ARGV, COMMON_ARGS + 1) end

local function text(value) return cjson.encode(value) end

local whole
do
  -- The texts of small numbers, and that of the time, which the scripts of one call share. To find a text here is faster than to make it.
  local texts, MAX_TEXT, timeOfText, textOfTime = {}, 4096, nil, nil

  -- Returns a whole number as text. Scripts pass texts to Redis, because Redis takes longer to convert a number.
  function whole(number)
    if number == timeOfText then return textOfTime end
    local known = texts[number]
    if known then return known end
    local made = format('%d', number)
    if number >= 0 and number <= MAX_TEXT and number % 1 == 0 then texts[number] = made end
    if number == now then timeOfText, textOfTime = number, made end
    return made
  end
end

-- Whether the counts are written at the end of the call, for all of its scripts. That spares each of many messages two commands.
local function shares_counts() return shared and serverPrefix ~= '' end

-- Returns a table with the app's counts: the name of the key (`key`), the counts that are known to be in Redis (`stored`), and what scripts
-- that have ended have added since (`added`).
local function counts_of_app()
  if counts then return counts end
  local known = shares_counts() and shared.counts
  counts = known and known[appId] or { key = K.counts, stored = {}, added = {} }
  if known then known[appId] = counts end
  return counts
end

-- Adds `difference` to a count of the app. `reply` takes it over, so a script that fails before it changes no count.
local function count(field, difference) differences[field] = (differences[field] or 0) + difference end

-- Returns a count of the app, with what this script has added.
local function counted(field)
  local of = counts_of_app()
  if not of.stored[field] then of.stored[field] = tonumber(call('HGET', of.key, field) or 0) end
  return of.stored[field] + (of.added[field] or 0) + (differences[field] or 0)
end

-- Returns whether the app's limits leave room for more bytes, and for more inboxes if `inboxes` is not 0.
local function has_room(bytes, maxBytes, inboxes, maxInboxes)
  return counted('bytes') + bytes <= maxBytes and (inboxes == 0 or counted('inboxes') + inboxes <= maxInboxes)
end

-- Writes what scripts have added to the counts `of` an app. Returns the new values of these counts.
local function write_counts(of)
  local changed = {}
  for field, difference in pairs(of.added) do
    changed[field] = call('HINCRBY', of.key, field, whole(difference))
    of.stored[field] = changed[field]
  end
  of.added = {}
  return changed
end

-- Writes the counts, unless they are written at the end of the call. Returns the result of the script: the events for the calling node as
-- JSON, or the empty string; then the arguments of `reply`. The node reads one text faster than a list of lists.
local function reply(...)
  if next(differences) then
    local added = counts_of_app().added
    for field, difference in pairs(differences) do added[field] = (added[field] or 0) + difference end
  end
  local changed = counts and not shares_counts() and write_counts(counts) or {}
  -- In a cluster the calling node adds up the counts of all partitions. It knows the partition by the user.
  if serverPrefix == '' and next(changed) and userId ~= '' then
    events[#events + 1] = { type = 'counts', appId = appId, userId = userId, changed = changed }
  end
  return { #events > 0 and text(events) or '', ... }
end

-- Appends values to a list.
local function push(list, ...)
  for n = 1, select('#', ...) do list[#list + 1] = (select(n, ...)) end
end

-- Does what `reply` does, and appends the items of a list to the result. A long list can't be passed to `reply`, because Lua's stack has
-- room for 8,000 values only.
local function reply_list(list, ...)
  local result = reply(...)
  local count = select('#', ...) + 1
  for n, item in ipairs(list) do result[count + n] = item end
  return result
end
