-- A part of scripts: the names of keys, by the rules of `keys.ts`. In a cluster a call also passes the names of the keys. While a slot
-- moves to another server, Redis checks by these names whether this server has all of the keys.
-- What the names of the server's keys begin with; empty in a cluster.
local serverPrefix
-- The kind and the hash of the script's hashed key, and the kinds of keys that the script may use, each with its scope.
local hashed, declared

local NAMES = {
  app = function(keys, kind) return keys.prefix .. kind .. ':' .. appId end,
  appQueue = function(keys) return keys.prefix .. 'queue:' .. appId .. '\0' end,
  partition = function(keys, kind) return keys.prefix .. kind end,
  server = function(keys, kind) return (serverPrefix == '' and keys.prefix or serverPrefix) .. kind end,
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

-- Returns the keys of a user in a partition, as `keys.inbox`.
local function keys_of(prefix, owner)
  -- The fields that are nil reserve room in the table. To let the table grow field by field takes several times as long.
  local keys = { prefix = prefix, ending = ':' .. appId .. '\0' .. owner, user = nil, inbox = nil, unread = nil, peerLog = nil, counts = nil,
    sessions = nil, held = nil }
  return setmetatable(keys, KEYS_BY_KIND)
end
