-- Reads which connections carry the sessions of users. The caller names three keys for each user: `sessions`, `user` and `revoked`.
-- KEYS: only those that the caller passes.
-- ARGV: none.
-- Returns for each user a list with three items for each session: the session's id; the connection that carries it on the calling node,
--   `*` if another node has the connection, or an empty text if the session is detached; and 1 if the session's credential is revoked, else
--   0. Such a session goes on only if its client was asked for another credential.
local result = {}
for n = 1, #KEYS, 3 do
  local ofUser, ofApp = call('HGET', KEYS[n + 1], USER.revokedBefore), call('GET', KEYS[n + 2])
  local before = (ofUser or ofApp) and math.max(tonumber(ofUser or ofApp), tonumber(ofApp or ofUser))
  local found = {}
  local all = call('HGETALL', KEYS[n])
  for m = 1, #all, 2 do
    local row = cjson.decode(all[m + 1])
    local connection, issuedAt = row[SESSION.connectionId], row[SESSION.issuedAt]
    found[#found + 1] = all[m]
    found[#found + 1] = not connection and '' or row[SESSION.nodeId] == self and connection or '*'
    found[#found + 1] = before and (not issuedAt or issuedAt <= before) and 1 or 0
  end
  result[#result + 1] = found
end
return reply_list(result)
