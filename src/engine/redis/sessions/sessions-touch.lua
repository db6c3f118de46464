-- Stores that clients have answered a ping. Each key is that of a user's sessions.
-- KEYS: none of its own.
-- ARGV: 1 for each key: the session; 2 the connection; 3 the round-trip time in milliseconds.
-- Returns nothing.
for n, key in ipairs(KEYS) do
  local id, connection, rtt = arg(3 * n - 2), arg(3 * n - 1), arg(3 * n)
  local json = call('HGET', key, id)
  local row = json and cjson.decode(json)
  if row and row[SESSION.connectionId] == connection then
    row[SESSION.lastSeenAt], row[SESSION.rtt] = now, tonumber(rtt)
    call('HSET', key, id, text(row))
  end
end
return reply()
