-- Reads the generation of the epochs (`lua/state.lua`). If the server's history has changed, a new generation begins first.
-- KEYS: state.
-- ARGV: none.
-- Returns the generation.
check_history()
return { generation }
