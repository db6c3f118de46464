-- The last of the parts in the library. The scripts follow it, and each script begins with a call of `begin`.
local function set_context(text)
  if text == context then return end
  context = text
  shift, self, publish, serverPrefix, channels = string.match(context, '^(%Z*)%z(%Z*)%z(%Z*)%z(%Z*)%z(%Z*)$')
  shift = tonumber(shift)
end

local function begin(keys, args, kinds, writes)
  call, format = redis.call, string.format
  KEYS, ARGV, declared = keys, args, kinds
  -- In a call of several scripts the first item of `args` is the script's name, and `several` has set the context.
  if not shared then set_context(args[1]) end
  if not shared or not shared.now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000) + shift
    if shared then shared.now = now end
  end
  prefix, appId, userId, partition, hashed = args[2], args[3], args[4], args[5], args[6]
  member = appId .. '\0' .. userId
  events, differences, counts = {}, {}, nil
  K = keys_of(prefix, userId)
  begin_state(writes)
  begin_rows()
  begin_webhooks(args[7])
end

-- The scripts by their names.
local steps = {}
