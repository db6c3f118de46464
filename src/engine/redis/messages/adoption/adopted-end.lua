-- Lets the key `adopted` expire, by which `adopted-append` knows the messages of an adopted guest that were moved. If that step comes again
-- before then, it appends no message twice.
-- KEYS: adopted.
-- ARGV: none.
-- Returns nothing.
local KEPT = 3600000
call('PEXPIRE', K.adopted, KEPT)
return reply()
