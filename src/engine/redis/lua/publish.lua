-- Shared by all scripts: what a script publishes to nodes, and the history of the server.
local function info(section, field) return string.match(call('INFO', section), field .. ':(%w+)') or '' end

-- The server's history, which is the id of its replication, and when it was read. A failover takes longer than `HISTORY_KNOWN_FOR`
-- milliseconds, so the history is read again only after this time. A replica that becomes the master reads its history, because these
-- variables are nil there: a replica runs no scripts, and a full resynchronization loads its libraries again.
local HISTORY_KNOWN_FOR = 100
local knownHistory, knownAt
local function history()
  if not knownHistory or math.abs(now - shift - knownAt) > HISTORY_KNOWN_FOR then
    knownHistory, knownAt = info('replication', 'master_replid'), now - shift
  end
  return knownHistory
end

-- The published texts of a channel are numbered, so that a node notices that a text was lost: the next text has too great a number, or the
-- node asks for the newest numbers. A run is a sequence of these numbers. Each process of the server begins another run. So does a script
-- that finds more than `MAX_CHANNELS` channels, because otherwise the table of their numbers grows for ever.
local run, numbers, channelCount

local function run_name()
  local MAX_CHANNELS = 100000
  if not run or channelCount > MAX_CHANNELS then
    run = string.sub(history(), 1, 12) .. string.format('%.0f', now - shift)
    numbers, channelCount = {}, 0
  end
  return run
end

-- Publishes a text on a channel. `name` is a node's id, `name:` and a node's name, or `all` for the channel to which all nodes subscribe.
-- Returns how many nodes received the text.
local function publish_to(name, json)
  local of, number = run_name(), numbers[name]
  if not number then
    number = 0
    channelCount = channelCount + 1
  end
  numbers[name] = number + 1
  return call(publish, (channels == '' and prefix .. 'channel:' or channels) .. name, of .. ' ' .. whole(number + 1) .. ' ' .. json)
end

-- Sends an event to nodes. The text `nodes` has their ids, separated by spaces. The calling node gets the event with the reply. If there is
-- a `brief`, the other nodes get the `brief` in place of the event.
local function emit(nodes, event, brief)
  if not nodes then return end
  for node in string.gmatch(nodes, '%S+') do
    if node == self then
      events[#events + 1] = event
    else
      publish_to(node, text(brief or event))
    end
  end
end

