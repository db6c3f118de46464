-- Names the key of each kind.
-- KEYS: all kinds.
-- ARGV: the kinds.
-- Returns the names.
local names = {}
for n = 1, arg_count() do names[n] = K[arg(n)] end
return reply_list(names)
