/**
 * The kinds of keys, and the scope of each kind. The scope says what follows the kind in the name of a key: the ids of an app and a user
 * (`user`); the id of an app (`app`, `sums`, `held`); a digest that the caller gives (`hash`); nothing (`partition`, `server`). A Redis server has
 * one key `state`, and the keys `counts` and `held` for each app; in a cluster each partition has these keys. `appQueue` is the queue of the app's own
 * webhook events in a partition. Its name is the name that the queue of a user with an empty id would have. It is a kind of its own,
 * because a script that runs for a user may add to it, and in that script `queue` is the queue of that user.
 */
export const scopes = {
  ...{ user: 'user', inbox: 'user', sessions: 'user', unread: 'user', peerLog: 'user' },
  ...{ queue: 'user', tombs: 'user', rate: 'user', watch: 'user' },
  ...{ users: 'app', live: 'app', numbers: 'app', due: 'app', events: 'app' },
  ...{ pending: 'app', failed: 'app', aging: 'app', revoked: 'app', tokens: 'app' },
  appQueue: 'appQueue',
  ...{ deadlines: 'partition', attached: 'partition', ownCopies: 'partition' },
  ...{ counts: 'sums', held: 'held', state: 'server' },
  // Each of these keys exists only in the first partition.
  ...{ key: 'partition', epochs: 'partition', apps: 'partition', appNotes: 'partition' },
  ...{ nodes: 'partition', check: 'partition', transfer: 'partition' },
  // What the digests stand for: a message's id (`id`), a sender's own copy (`own`), an adopted guest, a token, a device.
  ...{ id: 'hash', own: 'hash', adopted: 'hash', token: 'hash', device: 'hash' },
} as const satisfies Record<
  string,
  'user' | 'app' | 'appQueue' | 'partition' | 'server' | 'sums' | 'held' | 'hash'
>

/** The kinds of keys. A step lists the kinds of its keys. */
export type KeyKind = keyof typeof scopes

/** What the names of keys have besides their kinds and their partition. */
export interface KeyNaming {
  readonly appId: string
  /** What the names of the keys that all partitions share begin with. Empty in a cluster, where each partition has keys of its own. */
  readonly serverPrefix: string
  /** The name of the step's key of the scope `hash`, without the prefix: the kind, a colon, and a digest. */
  readonly hashed: string
}

/**
 * Returns the name of a key, for the nodes and for the scripts. `prefix` is what the names of the partition's keys begin with, and `owner`
 * the user.
 */
export const keyName = (kind: KeyKind, prefix: string, owner: string, naming: KeyNaming): string => {
  const scope = scopes[kind]
  // Most names are of these two scopes. Each field that they do not read saves a send a thousandth of its instructions.
  if (scope === 'user') return `${prefix}${kind}:${naming.appId}\0${owner}`
  if (scope === 'hash') return prefix + naming.hashed
  const { appId, serverPrefix } = naming
  if (scope === 'app') return `${prefix}${kind}:${appId}`
  if (scope === 'appQueue') return `${prefix}queue:${appId}\0`
  const ofServer = scope === 'partition' || serverPrefix === '' ? prefix : serverPrefix
  if (scope === 'partition' || scope === 'server') return ofServer + kind
  // The name is that of the first partition's key. So the sum over all partitions stays right when the keys move into a cluster.
  if (scope === 'sums') return `${ofServer}${kind}:${appId}`
  // This key counts the bytes of each sender's messages (`HeldBytes`), in a cluster those in one partition, else those in all. The names
  // differ, so that after a move into a cluster no partition takes the counts of all partitions for its own.
  return serverPrefix === '' ? `${prefix}held:${appId}` : `${serverPrefix}heldHere:${appId}`
}
