-- Reads the number of the server's history (`lua/state.lua`). If the history has changed, it gets another number first.
-- KEYS: state.
-- ARGV: none.
-- Returns the number; 1 if the history is unsettled, else 0; and since how many milliseconds the server perhaps lacks writes.
check_history()
return { historyNumber, unsettled and 1 or 0, math.floor(unshifted - (call('HGET', K.state, STATE.wholeUntil) or 0)) }
