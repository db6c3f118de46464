-- Returns the time, when a session of the user was seen last, and the user's fields.
local seen = 0
for _, json in ipairs(call('HVALS', K.sessions)) do seen = math.max(seen, cjson.decode(json).l) end
return reply(now, seen, unpack(call('HGETALL', K.user)))
