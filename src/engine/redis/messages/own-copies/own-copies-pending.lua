-- Lists the own copies that have been pending for the given milliseconds.
-- KEYS: ownCopies.
-- ARGV: 1 the milliseconds.
-- Returns for each own copy its field in `ownCopies`, and the value of this field: the app's id, NUL, and a `Note` of `own-copies.ts` as
--   JSON.
local found = {}
local all = call('HGETALL', K.ownCopies)
for n = 1, #all, 2 do
  -- The caller reports a note that can't be read. The others are made all the same.
  local isNote, note = pcall(cjson.decode, string.match(all[n + 1], '%z(.*)'))
  local sentAt = isNote and tonumber(note[5]) or 0
  if sentAt + tonumber(arg(1)) <= now then push(found, all[n], all[n + 1]) end
end
return reply_list(found)
