-- Notes that the inboxes of an app that asks for `message.unread` were searched.
-- KEYS: appNotes.
-- ARGV: none.
-- Returns nothing.
call('HSET', K.appNotes, appId .. '\0', 1)
return reply()
