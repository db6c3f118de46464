-- Returns a user's stored fields.
return reply(unpack(call('HMGET', K.user, 'v', 'va', 'c', 'cr')))
