-- Stores an app's options, which other nodes read (`apps-touch.lua`).
-- KEYS: apps, appNotes.
-- ARGV: 1 the options as JSON; 2 `1` if the app asks for `message.unread`, else empty.
-- Returns 1 if the app's inboxes are to be searched for messages that were unread before it began to ask for `message.unread`, else 0.
call('HSET', K.apps, appId, arg(1))
call('HSET', K.appNotes, appId, now)
if arg(2) == '' then
  call('HDEL', K.appNotes, appId .. '\0')
  return reply(0)
end
return reply(call('HEXISTS', K.appNotes, appId .. '\0') == 1 and 0 or 1)
