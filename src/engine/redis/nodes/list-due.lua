-- Notes that a node has reached the server. Lists the users for whom something is due, and the apps with webhook events that were due a
-- while ago.
-- KEYS: deadlines, ownCopies, state.
-- ARGV: 1 how many users at most; 2 milliseconds until the next sweep.
-- Returns nothing if no own copies are pending and nothing is due before the next sweep; else how many own copies are pending; the
--   milliseconds until the next deadline that has not passed, or -1 if there is none; and for each user the app and the user, separated by
--   NUL. For an app's events the user is empty.
visit()
-- Own copies are pending only in a cluster.
local ownCopies = serverPrefix == '' and call('HLEN', K.ownCopies) or 0
local first = call('ZRANGE', K.deadlines, 0, 0, 'WITHSCORES')
local delay = first[2] and math.ceil(tonumber(first[2]) - now)
if ownCopies == 0 and (not delay or delay >= tonumber(arg(2))) then return {} end
if not delay or delay > 0 then return { ownCopies, delay or -1 } end
local found = call('ZRANGEBYSCORE', K.deadlines, '-inf', now, 'LIMIT', 0, arg(1))
-- An app is listed again only after a while. Otherwise each sweep would list an app whose events no node can deliver now.
for _, due in ipairs(found) do
  if string.sub(due, -1) == '\0' then call('ZADD', K.deadlines, now + DUE_EVENTS_WAIT, due) end
end
local following = call('ZRANGEBYSCORE', K.deadlines, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return { ownCopies, following[2] and math.ceil(tonumber(following[2]) - now) or -1, unpack(found) }
