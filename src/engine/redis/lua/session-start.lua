-- Starts or resumes a session, unless its credential is revoked.
local id, connection, key, resumes = arg(1), arg(2), arg(3), optional(4)
local resumableFor, limit, isHidden, isGuest = tonumber(arg(5)), tonumber(arg(6)), arg(7) == '1', arg(8) == '1'
local way, token, issuedAt = arg(9), optional(10), tonumber(arg(11))
local user = load(K.user)
local before = revoked_before(user)
if (before and (not issuedAt or issuedAt <= before)) or (token and call('HEXISTS', K.tombs, token) == 1) then return reply(0) end
settle(user)
local wasOnline = presence()

local row
for _, each in pairs(sessions()) do
  if resumes and (each.k == resumes or each.p == resumes) then row = each end
end
local isResumed = row ~= nil
local replaced = {}
if isResumed then
  if row.c then emit(row.i, { 'r', appId, userId, row.id, row.c }) end
  row.p = resumes
  row.d, row.x, row.o, row.f, row.r = nil, nil, nil, nil, nil
else
  row = { id = id, n = next_number(), s = now, g = isGuest and 1 or 0 }
  local others = {}
  for _, each in pairs(sessions()) do others[#others + 1] = each end
  local function rank(each)
    for group, field in ipairs(RULES.makesRoom) do
      local number = each[SESSION[field]]
      if number then return group, number end
    end
  end
  table.sort(others, function(a, b)
    local groupA, numberA = rank(a)
    local groupB, numberB = rank(b)
    return groupA < groupB or (groupA == groupB and numberA < numberB)
  end)
  for n = 1, #others - math.max(limit - 1, 0) do
    replaced[n] = others[n]
    remove(user, others[n])
  end
  call('ZADD', K.live, row.n, row.id .. '\0' .. userId)
  count('sessions', 1)
end
row.l, row.c, row.i, row.k, row.hf = now, connection, self, key, resumableFor
if isHidden ~= (row.h ~= nil) then row.h = isHidden and next_number() or nil end
row.w, row.t, row.ia, row.cr, row.fa = way, token, issuedAt, arg(12), arg(13)
local json = put(row)
if isGuest then set(user, 'sb', nil) end
for _, old in ipairs(replaced) do report_end(user, old, 'too-many-sessions', true) end
if not isResumed and asked['session.started'] then owe(user, 'session.started', facts_of(row)) end
if not wasOnline then owe_presence(user, false) end
finish(user)
return reply(1, isResumed and 1 or 0, row.id, json, epoch_of(user), user.last)
