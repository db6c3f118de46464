-- Returns the value of a message's id, or of a sender's copy, and for how many milliseconds it is kept.
local key = K.id or K.copy
return reply(call('GET', key), call('PTTL', key))
