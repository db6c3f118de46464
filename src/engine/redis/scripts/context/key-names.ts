import { scopes } from '../../scopes.js'
import type { KeyKind } from '../../keys.js'
import { script, type KeyNames } from './context.js'

/*
 * The names of keys, by the rules of `Keys` in `keys.ts`. In a cluster each call passes these names, too, so that Redis can check whether
 * this server has all of the keys while their slot moves to another server.
 */

/** What `declare` has set: the kinds of keys that the script may use, and the name of its key of the scope `hash`. */
const declared: { kinds: Partial<Record<string, true>>; hashed: string } = { kinds: {}, hashed: '' }

interface NamedKeys extends Partial<Record<string, string>> {
  /** What the names begin with. */
  prefix: string
  /** What the names of a user's keys end with. */
  ending: string
}

const ofServer = (keys: NamedKeys): string => (script.serverPrefix === '' ? keys.prefix : script.serverPrefix)

const nameOf = (keys: NamedKeys, kind: KeyKind): string => {
  const scope = scopes[kind]
  if (scope === 'user') return keys.prefix + kind + keys.ending
  if (scope === 'app') return `${keys.prefix}${kind}:${script.appId}`
  if (scope === 'partition') return keys.prefix + kind
  if (scope === 'server') return ofServer(keys) + kind
  if (scope === 'sums') return `${ofServer(keys)}${kind}:${script.appId}`
  if (scope === 'appQueue') return `${keys.prefix}queue:${script.appId}\0`
  if (scope === 'hash') return keys.prefix + declared.hashed
  return script.serverPrefix === ''
    ? `${keys.prefix}held:${script.appId}`
    : `${script.serverPrefix}heldHere:${script.appId}`
}

/** Makes a name when it is first used. */
const BY_KIND = {
  __index: (keys: NamedKeys, kind: KeyKind): string => {
    if (declared.kinds[kind] !== true) error(`A script uses a key that its step does not declare: ${kind}`)
    const name = nameOf(keys, kind)
    keys[kind] = name
    return name
  },
}

/** Sets which keys the script may use. */
export const declareKeys = (kinds: Partial<Record<string, true>>, hashed: string): void => {
  declared.kinds = kinds
  declared.hashed = hashed
}

/** Returns whether the script may use keys of a kind. */
export const isDeclared = (kind: KeyKind): boolean => declared.kinds[kind] === true

/** Returns the names of a user's keys. `prefix` is that of the user's partition. */
export const keysOf = (prefix: string, owner: string): KeyNames => {
  const names: NamedKeys = {
    prefix,
    ending: `:${script.appId}\0${owner}`,
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
