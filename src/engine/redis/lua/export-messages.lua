-- Returns messages of an inbox from one offset up to another: of each the message, its bytes and its age.
local found = {}
for _, entry in ipairs(entries(K, arg(1), arg(2), arg(3))) do
  found[#found + 1] = message_of(entry.offset, entry.m)
  found[#found + 1] = tonumber(entry.s)
  found[#found + 1] = now - tonumber(entry.a)
end
return reply(unpack(found))
