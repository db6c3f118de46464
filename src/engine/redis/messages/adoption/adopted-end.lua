-- Lets the key of an ended move expire. A request of it that comes late finds the key, and appends no message again.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
