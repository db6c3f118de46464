-- Lets the key `adopted` expire, by which `adopted-append` knows the messages of an adopted guest that were moved. Until the key expires,
-- a repeated `adopted-append` appends no message twice.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
