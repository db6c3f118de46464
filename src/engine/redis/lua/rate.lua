-- Shared by all scripts: the limit of a user's messages per second. Each message takes from the user's bucket, which fills with time. A
-- full bucket lets the user send the messages of one second at once. The key `rate` has the time when the bucket is full again, the time
-- until which a refusal lasts, and the id of the call that last counted a message. The key expires when both times have come.
-- Counts a message of the user with these keys, and returns 0; or refuses it, and returns the milliseconds until the user may send another
-- message. If a call may run twice, and has no other way to know that it has counted the message, `id` is the id of the call.
local function take_message(keys, perSecond, id)
  if not perSecond then return 0 end
  -- How many milliseconds a refusal lasts at least: messages that the client sent right after the refused message must not overtake it. And
  -- the error of rounding the times, in milliseconds. A library has at most 200 local variables outside of functions.
  local MIN_WAIT, ROUNDING = 100, 0.01
  local key, full, refused, last = keys.rate, now, 0, ''
  local state = call('GET', key)
  if state then
    full, refused, last = string.match(state, '^(%S+) (%S+) ?(%S*)$')
    -- A bucket is full after a second at most. So a later time is cut: a former master whose clock was ahead has written it.
    full = math.min(math.max(tonumber(full), now), now + 1000)
    refused = math.min(tonumber(refused), now + 1000)
  end
  local nextFull = full + 1000 / perSecond
  if refused <= now and last ~= id then
    local wait = math.ceil(nextFull - now - 1000 - ROUNDING)
    if wait > 0 then
      refused = now + math.max(wait, MIN_WAIT)
    else
      full = nextFull
    end
    call('SET', key, string.format('%.3f %.0f', full, refused) .. (id and ' ' .. id or ''), 'PX', math.ceil(math.max(full, refused) - now))
  end
  return math.max(refused - now, 0)
end
