-- Lists the own copies that have been pending for the given milliseconds.
-- KEYS: ownCopies.
-- ARGV: 1 the milliseconds.
-- Returns for each own copy its field in `ownCopies`, and the value of this field: the app's id, NUL, and a `Note` of `own-copies.ts` as
--   JSON.
local found = {}
local all = call('HGETALL', K.ownCopies)
for n = 1, #all, 2 do
  local note = cjson.decode(string.match(all[n + 1], '%z(.*)'))
  local sentAt = note[5]
  if sentAt + tonumber(arg(1)) <= now then
    found[#found + 1] = all[n]
    found[#found + 1] = all[n + 1]
  end
end
return reply_list(found)
