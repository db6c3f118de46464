-- Notes the server's history, which is the id of the server's replication. Without this note a script that only reads fails with NOSTATE.
-- KEYS: state.
-- ARGV: none.
-- Returns nothing.
check_history()
return reply()
