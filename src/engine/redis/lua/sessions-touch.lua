-- Clients have answered a ping. Each key holds the sessions of a user. Its arguments are a session, the session's connection and the round-trip time.
for n, key in ipairs(KEYS) do
  local id, connection, rtt = arg(3 * n - 2), arg(3 * n - 1), arg(3 * n)
  local json = call('HGET', key, id)
  local row = json and cjson.decode(json)
  if row and row.c == connection then
    row.l, row.r = now, tonumber(rtt)
    call('HSET', key, id, text(row))
  end
end
return reply()
