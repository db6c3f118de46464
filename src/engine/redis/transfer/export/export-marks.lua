-- Reads the marks of an inbox. A mark says up to which offset the messages of one peer are read.
-- KEYS: unread.
-- ARGV: none.
-- Returns for each mark the peer's id, empty for the backend, and the mark.
local found, list = {}, call('HGETALL', K.unread)
for n = 1, #list, 2 do
  if string.sub(list[n], 1, #UNREAD.mark) == UNREAD.mark then
    found[#found + 1] = string.sub(list[n], #UNREAD.mark + 1)
    found[#found + 1] = list[n + 1]
  end
end
return reply_list(found)
