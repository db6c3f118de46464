-- Writes and reads a value, and publishes the caller's canary to its own node.
call('SET', K.check, now)
call(publish, channel .. self, text({ 'k', arg(1) }))
return reply(call('GET', K.check) == string.format('%.0f', now) and 1 or 0)
