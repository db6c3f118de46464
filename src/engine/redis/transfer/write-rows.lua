-- Runs commands that write, for a transfer.
-- KEYS: only those that the caller passes.
-- ARGV: 1 a JSON list with a list for each command: its name, a key, and its other arguments. The command `INBOX`, which Redis does not have,
--   packs numbers into a user's hash: its arguments are the numbers in the order of `fields.ts`, an empty text for nil.
-- Returns the present time, and the reply of each command.
local replies = {}
for n, command in ipairs(cjson.decode(arg(1))) do
  if command[1] == 'INBOX' then
    local numbers = {}
    for m = 3, #command do numbers[m - 2] = tonumber(command[m]) end
    replies[n] = call('HSET', command[2], USER.inbox, cmsgpack.pack(unpack(numbers, 1, #command - 2)))
  else
    replies[n] = call(unpack(command))
  end
end
return reply_list(replies, now)
