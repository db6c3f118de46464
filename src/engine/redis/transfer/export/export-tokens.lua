-- Reads revoked tokens of an app in a partition.
-- KEYS: tokens.
-- ARGV: 1 the index of the first token; 2 the index of the last token.
-- Returns for each token its id, and the milliseconds for which it is kept (empty if it is kept for ever).
local list = call('ZRANGE', K.tokens, arg(1), arg(2), 'WITHSCORES')
for n = 2, #list, 2 do
  if list[n] == 'inf' then
    list[n] = ''
  else
    list[n] = math.ceil(tonumber(list[n]) - now)
  end
end
return reply_list(list)
