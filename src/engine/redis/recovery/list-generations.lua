-- Reads the generation of the epochs (`lua/state.lua`), after a look at the server's history.
-- KEYS: state.
-- ARGV: none.
-- Returns the generation.
check_history()
return { generation }
