-- Returns the number of the epoch and the newest offset of the inbox of each user. The keys after the first are the users' hashes.
local result = {}
for n = 2, #KEYS do
  local found = call('HMGET', KEYS[n], 'e', 'last')
  result[#result + 1] = epoch_of({ e = tonumber(found[1] or 0) })
  result[#result + 1] = tonumber(found[2] or 0)
end
return reply(unpack(result))
