-- Notes the server's history, before a script reads that writes nothing.
-- KEYS: state.
-- ARGV: none.
-- Returns nothing.
check_history()
return reply()
