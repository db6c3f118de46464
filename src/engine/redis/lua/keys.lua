-- Shared by all scripts: the names of keys, by the rules of `keys.ts`. In a cluster each call passes these names, too, so that Redis can
-- check whether this server has all of the keys while their slot moves to another server.
-- `hashed` is the name of the script's key of the scope `hash`, without the prefix. `declared` has the scope of each kind of keys that the
-- script may use (`scopes.ts`).
local hashed, declared

local NAMES = {
  app = function(keys, kind) return keys.prefix .. kind .. ':' .. appId end,
  appQueue = function(keys) return keys.prefix .. 'queue:' .. appId .. '\0' end,
  partition = function(keys, kind) return keys.prefix .. kind end,
  server = function(keys, kind) return (serverPrefix == '' and keys.prefix or serverPrefix) .. kind end,
  sums = function(keys, kind) return (serverPrefix == '' and keys.prefix or serverPrefix) .. kind .. ':' .. appId end,
  held = function(keys) return serverPrefix == '' and keys.prefix .. 'held:' .. appId or serverPrefix .. 'heldHere:' .. appId end,
  hash = function(keys) return keys.prefix .. hashed end,
}

local KEYS_BY_KIND = {
  __index = function(keys, kind)
    local scope = declared[kind]
    if not scope then error('A script uses a key that its step does not declare: ' .. kind) end
    local name = scope == 'user' and keys.prefix .. kind .. keys.ending or NAMES[scope](keys, kind)
    keys[kind] = name
    return name
  end,
}

-- Returns a table with the names of a user's keys by their kinds, as in `keys.inbox`. `prefix` is that of the user's partition.
local function keys_of(prefix, owner)
  -- The fields that are nil reserve room in the table. To let the table grow field by field takes several times as long.
  local keys = { prefix = prefix, ending = ':' .. appId .. '\0' .. owner, user = nil, inbox = nil, unread = nil, peerLog = nil, counts = nil,
    sessions = nil, held = nil }
  return setmetatable(keys, KEYS_BY_KIND)
end
