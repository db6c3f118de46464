-- Notes that the calling node has some apps in its config. The hash `appNotes` has under an app's id when a node last noted that, and under
-- the id and NUL a 1 if the app's inboxes were searched for unread messages.
-- KEYS: apps, appNotes, state.
-- ARGV: 1 for how many milliseconds an app counts as in use after such a note; from 2 on the ids of the apps.
-- Returns for each app its id, its options, and 1 if it is in use, else 0. The time in which no node reached the server does not count.
for n = 2, arg_count() do call('HSET', K.appNotes, arg(n), now) end
local found, since = {}, reached_since()
local all = call('HGETALL', K.apps)
for n = 1, #all, 2 do
  local at = math.max(tonumber(call('HGET', K.appNotes, all[n]) or 0), since)
  push(found, all[n], all[n + 1], at + tonumber(arg(1)) > now and 1 or 0)
end
return reply_list(found)
