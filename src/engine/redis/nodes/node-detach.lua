-- Detaches those of a user's sessions that are attached to a node, because the node was closed or has died. Many sessions take several
-- calls.
-- KEYS: user, sessions, queue, counts, numbers, due, events, pending, appQueue, users, live, deadlines, attached, state, watch.
-- ARGV: 1 the node; 2 what the call before has returned (empty for the first); 3 when the node's connections were lost (empty for now);
--   4 when a beat has found that the node is dead (empty if none has): a session that has started since stays, because the node is back.
-- Returns argument 2 of the next call, or false if this call was the last; and 1 if a session stays, else 0.
local node, lostAt, deadAt = arg(1), tonumber(arg(3)), tonumber(arg(4)) or math.huge
local stays = false
local user = load(K.user)
local following, isPage = read_step(user, arg(2))
for _, row in pairs(sessions()) do
  if row[SESSION.connectionId] and row[SESSION.nodeId] == node then
    -- A time in the future is from before the clock was set back.
    if row[SESSION.lastSeenAt] > deadAt and row[SESSION.lastSeenAt] <= now then
      stays = true
    else
      row[SESSION.lastSeenAt] = math.max(row[SESSION.lastSeenAt], lostAt or now)
      detach(row, row[SESSION.resumableFor], lostAt)
    end
  end
end
-- Until the last call the user stays in `attached`, so that another node goes on if the calling node dies.
if not following and not stays then call('ZREM', K.attached, node .. '\0' .. member) end
finish(user, isPage)
return reply(following or false, stays and 1 or 0)
