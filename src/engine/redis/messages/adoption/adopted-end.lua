-- Sets when the key of an ended move of messages expires. If a step of the move comes late, it finds the key, and appends no message twice.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
