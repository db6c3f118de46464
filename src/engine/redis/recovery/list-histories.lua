-- Reads the numbers of the server's history and of its generation (`lua/state.lua`). If the history has changed, it gets another number first.
-- KEYS: state.
-- ARGV: none.
-- Returns the two numbers; 1 if the history is unsettled, else 0; and since how many milliseconds the server perhaps lacks writes.
check_history()
local age = math.floor(unshifted - (call('HGET', K.state, STATE.wholeUntil) or 0))
return { historyNumber, generation, unsettled and 1 or 0, age }
