-- Notes the server's history, which is the id of its replication. A script that only reads can't write this note, and fails with NOSTATE
-- without it.
-- KEYS: state.
-- ARGV: none.
-- Returns nothing.
check_history()
return reply()
