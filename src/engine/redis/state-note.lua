-- Notes the server's history, which is the id of the server's replication. Fails with UNSETTLED until the history is settled.
-- KEYS: state.
-- ARGV: none.
-- Returns nothing.
await_epochs()
return reply()
