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
