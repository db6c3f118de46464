-- Reads how many texts this server has published in channels.
-- KEYS: check.
-- ARGV: the names of the channels.
-- Returns the name of the server's run (`lua/publish.lua`); and for each channel the number of texts in this run.
local name, found = run_name(), {}
for n = 1, arg_count() do
  found[n] = numbers[arg(n)] or 0
end
return reply_list(found, name)
