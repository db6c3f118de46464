-- Lists pending and failed events, in the order of their numbers.
-- KEYS: due, events, pending, failed.
-- ARGV: 1 the number after which the list begins; 2 how many events at most.
-- Returns for each event `pending` or `failed`; its JSON; the outcome of its deliveries so far; and the milliseconds until it is due, or an
--   empty text if it is not the user's oldest pending event.
local after, limit = '(' .. arg(1), tonumber(arg(2))
local pending = call('ZRANGEBYSCORE', K.pending, after, '+inf', 'LIMIT', 0, limit)
local failed = call('ZRANGEBYSCORE', K.failed, after, '+inf', 'LIMIT', 0, limit)
local found, p, f = {}, 1, 1
while #found < 4 * limit and (pending[p] or failed[f]) do
  local isPending = pending[p] and (not failed[f] or tonumber(pending[p]) < tonumber(failed[f]))
  local seq = isPending and pending[p] or failed[f]
  if isPending then p = p + 1 else f = f + 1 end
  local dueAt = call('ZSCORE', K.due, seq)
  local left = dueAt and math.ceil(tonumber(dueAt) - now) or ''
  push(found, isPending and 'pending' or 'failed', call('HGET', K.events, seq), outcome_of(seq), left)
end
return found
