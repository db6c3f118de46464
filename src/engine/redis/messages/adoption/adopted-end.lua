-- Lets the key of a move that has ended expire. If a request of the move comes late, it finds the key, and appends no message twice.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
