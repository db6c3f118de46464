-- Says whether the server has all messages that the calling node knows of. If a node says no, another generation of epochs begins, in which
-- the node stores what is missing, and says so again. If all nodes that must answer have said yes, and one of them can vouch for the server,
-- the history is settled.
-- KEYS: state.
-- ARGV: 1 the number of the history; 2 `0` for no; `1` for yes; empty for yes, if the node does not know who has stored messages that the
--   server may lack; from 3 on the nodes that must answer, as far as the calling node knows.
-- Returns nothing.
check_history()
if historyNumber ~= tonumber(arg(1)) then return reply() end
forget_absent()
local doubt = unsettled and cjson.decode(unsettled) or { kept = {}, awaited = {} }
for n = 3, arg_count() do doubt.awaited[arg(n)] = true end
if arg(2) == '0' and not doubt.isLossy then
  -- If the history was settled without this node, the epochs have stayed in it until now.
  if generation < historyNumber then begin_generation(doubt) end
  return reply()
end
if not unsettled then return reply() end
doubt.kept[self] = arg(2) == '1'
call('HSET', K.state, STATE.unsettled, text(doubt))
for node in pairs(doubt.awaited) do
  if doubt.kept[node] == nil then return reply() end
end
local isVouched = doubt.isLossy
for _, vouches in pairs(doubt.kept) do isVouched = isVouched or vouches end
if isVouched then settle() else begin_generation(doubt) end
return reply()
