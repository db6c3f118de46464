-- Gives a session another credential, unless that one is revoked.
local token, issuedAt = optional(4), tonumber(arg(5))
local user = load(K.user)
local before = revoked_before(user)
if (before and (not issuedAt or issuedAt <= before)) or (token and call('HEXISTS', K.tombs, token) == 1) then return reply(0) end
settle(user)
local row = carried(arg(1), arg(2))
if row then
  row.w, row.t, row.ia, row.cr = arg(3), token, issuedAt, arg(6)
  put(row)
end
finish(user)
return reply(1)
