-- Runs commands that read, for a transfer.
-- KEYS: only those that the caller passes.
-- ARGV: 1 a JSON list with a list for each command: its name, a key, and its other arguments. The command `INBOX`, which Redis does not have,
--   reads the packed numbers in a user's hash.
-- Returns the present time, and the reply of each command. That of `INBOX` is the number of deletions, the newest offset, the oldest offset,
--   and the read offset.
local replies = {}
for n, command in ipairs(cjson.decode(arg(1))) do
  if command[1] == 'INBOX' then
    local user = load_inbox(command[2])
    replies[n] = { user.deletions, user.newest, user.first, user.readOffset }
  else
    replies[n] = call(unpack(command))
  end
end
return reply_list(replies, now)
