-- Says whether the server has all messages that the calling node knows of. If a node says no, another generation of epochs begins. If all
-- nodes that must answer have said yes, the history is settled.
-- KEYS: state.
-- ARGV: 1 the number of the history; 2 `1` for yes, else `0`; from 3 on the nodes that must answer, as far as the calling node knows.
-- Returns nothing.
check_history()
if historyNumber ~= tonumber(arg(1)) then return reply() end
if arg(2) ~= '1' then
  -- If the history was settled without this node, the epochs have stayed in it until now.
  if generation ~= historyNumber then begin_generation(historyNumber) end
  return reply()
end
if not unsettled then return reply() end
local doubt = cjson.decode(unsettled)
doubt.kept[self] = true
for n = 3, arg_count() do doubt.awaited[arg(n)] = true end
for node in pairs(doubt.awaited) do
  if not doubt.kept[node] then
    call('HSET', K.state, STATE.unsettled, text(doubt))
    return reply()
  end
end
call('HDEL', K.state, STATE.unsettled)
return reply()
