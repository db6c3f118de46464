-- Reads the marks of an inbox's peers. A peer's mark says up to which offset the peer's messages are read.
-- KEYS: unread.
-- ARGV: none.
-- Returns for each mark the peer's id, or an empty text for the backend; and the mark, which `fields.ts` describes.
local found, list = {}, call('HGETALL', K.unread)
for n = 1, #list, 2 do
  if string.sub(list[n], 1, #UNREAD.mark) == UNREAD.mark then
    found[#found + 1] = string.sub(list[n], #UNREAD.mark + 1)
    found[#found + 1] = list[n + 1]
  end
end
return reply_list(found)
