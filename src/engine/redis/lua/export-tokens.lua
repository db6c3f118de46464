-- Returns revoked tokens of an app in a partition, and for how many milliseconds each is kept.
local list = call('ZRANGE', K.tokens, arg(1), arg(2), 'WITHSCORES')
for n = 2, #list, 2 do
  if list[n] == 'inf' then
    list[n] = ''
  else
    list[n] = math.ceil(tonumber(list[n]) - now)
  end
end
return reply(unpack(list))
