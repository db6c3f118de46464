-- Lets the key `adopted` expire. By this key `adopted-append` knows which messages of an adopted guest were moved. Until the key expires, a
-- repeated `adopted-append` appends no message twice.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
