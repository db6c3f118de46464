-- Revokes an app's credentials in a partition.
-- KEYS: revoked, numbers.
-- ARGV: 1 the time up to which issued credentials are revoked (empty for now).
-- Returns the time, and the number of the newest session.
local before = math.max(tonumber(arg(1)) or now, tonumber(call('GET', K.revoked) or 0))
call('SET', K.revoked, string.format('%.0f', before))
return { before, call('HGET', K.numbers, 'session') or 0 }
