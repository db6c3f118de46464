-- Returns the notes of copies that have been owed for a time.
local found = {}
local all = call('HGETALL', K.pending)
for n = 1, #all, 2 do
  local note = cjson.decode(string.match(all[n + 1], '%z(.*)'))
  if note[5] + tonumber(arg(1)) <= now then
    found[#found + 1] = all[n]
    found[#found + 1] = all[n + 1]
  end
end
return reply(unpack(found))
