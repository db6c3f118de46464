-- Reads or changes the owner of a device. A device of another user can be taken over only with the two keys of its subscription.
-- KEYS: device.
-- ARGV: 1 `own` to take the device over, `keep` to take it only if it has no owner, `free` to give it up, or `read`; 2 the owner as JSON
--   (the user's id, and the two keys); 3 the milliseconds for which the owner is kept.
-- Returns the owner before the call, as JSON, or an empty text if there was none.
local before = call('GET', K.device)
local owner = before and cjson.decode(before)
local own = arg(1) ~= 'read' and cjson.decode(arg(2))
if arg(1) == 'own' and (not owner or owner[1] == own[1] or (owner[2] == own[2] and owner[3] == own[3])) then
  call('SET', K.device, arg(2), 'PX', arg(3))
elseif arg(1) == 'keep' and not owner then
  call('SET', K.device, arg(2), 'PX', arg(3))
elseif arg(1) == 'free' and owner and owner[1] == own[1] then
  call('DEL', K.device)
end
return reply(before or '')
