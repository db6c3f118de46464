-- Ends the sessions that a revocation concerns, or asks for other credentials. With argument 1, the user's own revocation is stored.
local mode, upTo = arg(3), tonumber(arg(4))
local user = load(K.user)
settle(user)
local before = tonumber(arg(2)) or now
if arg(1) == '1' then
  set(user, 'rb', math.max(before, user.rb or before))
end
before = math.max(before, revoked_before(user) or before)
local concerned = {}
for _, row in pairs(sessions()) do
  if not row.ia or row.ia <= before or (upTo and row.n <= upTo) then concerned[#concerned + 1] = row end
end
table.sort(concerned, function(a, b) return a.n < b.n end)
for _, row in ipairs(concerned) do
  if mode == 'end' then
    local wasOnline = presence()
    if row.c then row.l = now end
    finish_session(user, row, 'revoked', wasOnline)
  else
    emit(row.i or self, { 'a', appId, userId, row.id })
  end
end
finish(user)
return reply(before)
