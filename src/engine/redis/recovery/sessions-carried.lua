-- Reads which connections carry the sessions of users. The keys are the hashes `sessions` of these users.
-- KEYS: only those that the caller passes.
-- ARGV: none.
-- Returns for each user a list with two items for each session: the session's id; and the connection that carries it on the calling node,
--   `*` if another node has the connection, or an empty text if the session is detached.
local result = {}
for n, key in ipairs(KEYS) do
  local found = {}
  local all = call('HGETALL', key)
  for m = 1, #all, 2 do
    local row = cjson.decode(all[m + 1])
    found[m] = all[m]
    local connection = row[SESSION.connectionId]
    found[m + 1] = not connection and '' or row[SESSION.nodeId] == self and connection or '*'
  end
  result[n] = found
end
return reply_list(result)
