-- Lists the nodes to which sessions are attached.
-- KEYS: attached.
-- ARGV: none.
-- Returns the ids of the nodes.
local nodes, from = {}, '-'
while true do
  local member = call('ZRANGEBYLEX', K.attached, from, '+', 'LIMIT', 0, 1)[1]
  if not member then return nodes end
  nodes[#nodes + 1] = string.match(member, '^%Z*')
  from = '(' .. nodes[#nodes] .. '\1'
end
