import { keyName, type KeyKind } from '../../scopes.js'
import { script, type KeyNames } from './context.js'

/*
 * The names of keys. In a cluster each call passes these names, too, so that Redis can check whether this server has all of the keys while
 * their slot moves to another server.
 */

interface NamedKeys extends Partial<Record<string, string>> {
  /** What the names begin with. */
  prefix: string
  owner: string
}

/** Makes a name when it is first used. */
const BY_KIND = {
  __index: (keys: NamedKeys, kind: KeyKind): string => {
    if (script.kinds[kind] !== true) error(`A script uses a key that its step does not declare: ${kind}`)
    const name = keyName(kind, keys.prefix, keys.owner, script)
    keys[kind] = name
    return name
  },
}

/** Returns whether the script may use keys of a kind. */
export const isDeclared = (kind: KeyKind): boolean => script.kinds[kind] === true

/** Returns the names of a user's keys. `prefix` is that of the user's partition. */
export const keysOf = (prefix: string, owner: string): KeyNames => {
  const names: NamedKeys = {
    prefix,
    owner,
    // These make room in Lua's table for the names. To let the table grow name by name takes several times as long.
    user: undefined,
    inbox: undefined,
    unread: undefined,
    peerLog: undefined,
    counts: undefined,
    sessions: undefined,
    held: undefined,
  }
  return setmetatable(names, BY_KIND) as unknown as KeyNames
}
