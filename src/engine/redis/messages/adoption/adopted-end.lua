-- Lets the key expire that notes which messages of an adopted guest have been moved. Until then a step of the move that comes late finds
-- the key, and appends no message twice.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
