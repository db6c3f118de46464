-- Adds messages to an inbox whose offsets are written: of each the offset, the JSON, the bytes, the age and the sender. One that is there
-- already is left out.
local user = load(K.user)
local newest = call('XREVRANGE', K.inbox, '+', '-', 'COUNT', 1)[1]
local after = newest and entry_of(newest).offset or 0
for n = 1, #ARGV - 9, 5 do
  local offset, json, size, at, from = tonumber(arg(n)), arg(n + 1), tonumber(arg(n + 2)), now - tonumber(arg(n + 3)), arg(n + 4)
  if offset > after then
    call('XADD', K.inbox, string.format('%.0f', offset) .. '-1', 'm', json, 's', size, 'a', at, 'f', from)
    if after == 0 then
      set(user, 'at', at)
      call('ZADD', K.aging, at, userId)
    end
    after = offset
    set(user, 'by', user.by + size)
    count('bytes', size)
    if offset > user.rd and from ~= userId then
      set(user, 'un', user.un + 1)
      call('HINCRBY', K.unread, 'n' .. from, 1)
      call('HINCRBY', K.unread, 'b' .. from, size)
    end
  end
end
store(user)
return reply()
