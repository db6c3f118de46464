-- Ends a user's sessions that stand on a revoked token. A start that has passed the check of the token finds the mark that this leaves.
local token = arg(1)
call('HSET', K.tombs, token, 1)
call('PEXPIRE', K.tombs, 60000)
local user = load(K.user)
settle(user)
local found = {}
for _, row in pairs(sessions()) do
  if row.t == token then found[#found + 1] = row end
end
table.sort(found, function(a, b) return a.n < b.n end)
for _, row in ipairs(found) do
  local wasOnline = presence()
  if row.c then row.l = now end
  finish_session(user, row, 'revoked', wasOnline)
end
finish(user)
return reply()
