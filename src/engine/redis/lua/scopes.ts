/**
 * The kinds of keys, and what follows the kind in the name of a key: the ids of a user, of an app, a hash that the caller gives, or nothing.
 * `server` and `held` are keys of a server, or in a cluster of a partition: of all apps, and of an app. `appQueue` is the queue of the app's
 * own events in a partition: that of a user with an empty id, for steps of other users.
 */
export const scopes = {
  ...{ user: 'user', inbox: 'user', sessions: 'user', unread: 'user', peers: 'user' },
  ...{ queue: 'user', tombs: 'user', rate: 'user', watch: 'user' },
  ...{ users: 'app', live: 'app', counts: 'app', due: 'app', events: 'app' },
  ...{ pending: 'app', failed: 'app', aging: 'app', revoked: 'app', tokens: 'app' },
  appQueue: 'appQueue',
  ...{ deadlines: 'partition', attached: 'partition', ownCopies: 'partition' },
  ...{ held: 'held', state: 'server' },
  // They exist once in an engine, in the first partition.
  ...{ key: 'partition', epochs: 'partition', apps: 'partition' },
  ...{ nodes: 'partition', check: 'partition', transfer: 'partition' },
  // Of a message's id, of a sender's own copy, of an adopted guest, of a token, and of a device.
  ...{ id: 'hash', own: 'hash', adopted: 'hash', token: 'hash', device: 'hash' },
} as const satisfies Record<string, 'user' | 'app' | 'appQueue' | 'partition' | 'server' | 'held' | 'hash'>
