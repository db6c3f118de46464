-- Returns pending and failed events after a number, in their order: the state, the event, its outcome, and in how many milliseconds it is due.
local after, limit = '(' .. arg(1), tonumber(arg(2))
local owed = call('ZRANGEBYSCORE', K.owed, after, '+inf', 'LIMIT', 0, limit)
local failed = call('ZRANGEBYSCORE', K.failed, after, '+inf', 'LIMIT', 0, limit)
local found, o, f = {}, 1, 1
while #found < 4 * limit and (owed[o] or failed[f]) do
  local isPending = owed[o] and (not failed[f] or tonumber(owed[o]) < tonumber(failed[f]))
  local seq = isPending and owed[o] or failed[f]
  if isPending then o = o + 1 else f = f + 1 end
  local dueAt = call('ZSCORE', K.due, seq)
  for _, value in ipairs({ isPending and 'pending' or 'failed', call('HGET', K.events, seq), outcome_of(seq), dueAt and math.ceil(tonumber(dueAt) - now) or '' }) do
    found[#found + 1] = value
  end
end
return found
