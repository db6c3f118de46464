// Made from the OpenAPI document by scripts/build/rest-types.mjs.

/** At most 4 kB as JSON. */
export interface Profile {
  name?: string | undefined
  email?: string | undefined
  /** An https URL. */
  photoUrl?: string | undefined
  locale?: string | undefined
  role?: string | undefined
  /** Fields that the app names itself. */
  custom?: Record<string, string> | undefined
}

/** A user with the profile that other users see. A field from the app’s backend wins over the same field from the client. */
export interface User {
  id: string
  name?: string | undefined
  email?: string | undefined
  /** An https URL. */
  photoUrl?: string | undefined
  locale?: string | undefined
  role?: string | undefined
  /** Fields that the app names itself. */
  custom?: Record<string, string> | undefined
}

export interface UserState {
  user: User
  /** Whether a connection carries a session of the user, or one did less than 20 seconds ago. */
  online: boolean
  /** The number of sessions that have not ended. */
  sessions: number
  /** Unix time in milliseconds. */
  lastSeenAt: number | null
  /** Credentials that were issued up to this time are revoked. */
  revokedBefore: number | null
  inbox: Inbox
}

export interface UserStatus {
  id: string
  online: boolean
  sessions: number
  /** Unix time in milliseconds. */
  lastSeenAt: number | null
  unread: number
}

/** The state of an inbox. */
export interface Inbox {
  /** Offsets of different epochs can’t be compared. A deletion of the user changes the epoch. */
  epoch: string
  /** The offset of the newest message; 0 if there was none. */
  offset: number
  /** All messages up to this offset are read. */
  readOffset: number
  unread: number
}

export interface ReadInbox {
  /** Offsets of different epochs can’t be compared. A deletion of the user changes the epoch. */
  epoch: string
  /** The offset of the newest message; 0 if there was none. */
  offset: number
  /** All messages up to this offset are read. */
  readOffset: number
  unread: number
  /** The peer that the request names. */
  with?: string | null | undefined
  /** How many of the peer’s messages are unread. */
  unreadWith?: number | undefined
  /** The peer’s messages up to this offset are read. */
  readOffsetWith?: number | undefined
}

/** A user, or the app’s backend, whose messages with this user are kept. */
export interface Peer {
  /** The user id; null for the app’s backend. */
  id: string | null
  /** The name in the peer’s newest kept message. */
  name: string | null
  photoUrl: string | null
  /** How many of the peer’s messages are unread. */
  unread: number
  /** The peer’s messages up to this offset are read. */
  readOffset: number
  newest: Message
}

export interface Session {
  id: string
  /** `detached`: no connection carries the session, which waits for its client to return. */
  state: 'active' | 'detached'
  /** Whether the session’s page is hidden. */
  hidden: boolean
  /** How the user logged in. */
  way: 'token' | 'signature' | 'authParams' | 'guest'
  /** The `jti` of the token. */
  tokenId: string | null
  /** Unix time in milliseconds. */
  issuedAt: number | null
  /** Unix time in milliseconds. */
  expiresAt: number | null
  origin: string | null
  address: string
  /** The name and version of the client. */
  client: string | null
  /** Unix time in milliseconds. */
  startedAt: number
  /** Unix time in milliseconds. */
  lastSeenAt: number
  /** The round-trip time of a ping, in milliseconds. */
  rtt: number | null
  /** The gateway that the session is connected to: its host name and process id. */
  node: string
}

/** A device that is reached while no page is open. */
export interface Subscription {
  id: string
  /** The host of the push service. */
  host: string
  /** Unix time in milliseconds. */
  createdAt: number
  /** When a page last sent the subscription. */
  renewedAt: number
  /** When the push service last accepted a push; null if it never did. */
  lastSuccessAt: number | null
}

export interface Message {
  /** The position in this inbox. */
  offset: number
  id: string
  /** The sender’s user id; null for the app’s backend. */
  from: string | null
  to: string
  sender: { name?: string | undefined; photoUrl?: string | undefined } | null
  body?: string | undefined
  data?: Record<string, unknown> | undefined
  /** Unix time in milliseconds. */
  sentAt: number
  /** The message comes from the inbox of a guest whom this user has adopted. */
  adopted?: true | undefined
}

export interface Adoption {
  guest: string
  /** How many messages the guest had. */
  messages: number
}

export interface Sent {
  id: string
  /** The position in the recipient’s inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

export interface Revoked {
  /** Credentials that were issued up to this time are revoked. A further revocation never moves this time back. */
  revokedBefore: number
  /** With `mode=reauth`: the seconds within which a live client must send a token that is not revoked. */
  within?: number | undefined
}

/** Why a call failed (RFC 9457). */
export interface Problem {
  /** The HTTP status. */
  status: number
  /** For programs. New codes may be added. */
  code: string
  /** A sentence for the developer. */
  title: string
}

/** The calls of the REST API. */
export interface RestCalls {
  /** Log a user out everywhere. Ends all of the user’s sessions as `revoked`. After this call the gateway refuses signatures, tokens without `iat`, and tokens that were issued up to `issuedBefore`, even those that a gateway signed. The revocation is durable before the answer, and reaches every live connection within a second. With `mode=reauth` no session ends at once. The gateway refuses these credentials whenever a client starts a session, and when the next second begins, it asks each live client for a token that is not revoked. */
  endUserSessions(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** Unix time in seconds, at most 30 seconds ahead of the gateway’s clock. Credentials that were issued at this time or before it are revoked. Left out: now. */
    issuedBefore?: number | undefined
    /** `end`, the default: the sessions end. `reauth`: within 10 seconds their clients must send a token that is not revoked. */
    mode?: 'end' | 'reauth' | undefined
    signal?: AbortSignal | undefined
  }): Promise<Revoked>

  /** The sessions of a user. The sessions that have not ended, the oldest first. */
  listUserSessions(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** The most entries on a page. Left out: 50. */
    limit?: number | undefined
    /** The `next` of the page before. Left out: the first page. */
    cursor?: string | undefined
    signal?: AbortSignal | undefined
  }): Promise<{
    sessions: Session[]
    /** The `cursor` of the next page. Absent on the last page. */
    next?: string | undefined
  }>

  /** Lift a user’s revocation. Credentials that the revocation made invalid are good again until they expire. Revocations of single tokens and of the whole app stay. */
  liftRevocation(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    signal?: AbortSignal | undefined
  }): Promise<void>

  /** End one session. The session ends as `revoked`. Its token stays good: revoke it too, or the page can start again. */
  endSession(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** The `id` of a session in the list of the user’s sessions. */
    session: string
    signal?: AbortSignal | undefined
  }): Promise<void>

  /** Revoke one token. The sessions that use the token end as `revoked`. If a session uses the token, the revocation is kept at least until the token has expired; otherwise for 400 days. */
  revokeToken(input: {
    /** The `jti` of a token. */
    jti: string
    signal?: AbortSignal | undefined
  }): Promise<void>

  /** Log all users of the app out. Ends all sessions of the app as `revoked`. After this call the gateway refuses signatures, tokens without `iat`, and tokens that were issued up to `issuedBefore`, even those that a gateway signed. The revocation is durable before the answer, and reaches every live connection within a second. With `mode=reauth` no session ends at once. The gateway refuses these credentials whenever a client starts a session, and when the next second begins, it asks each live client for a token that is not revoked. App tokens stay good. */
  endAppSessions(input?: {
    /** Unix time in seconds, at most 30 seconds ahead of the gateway’s clock. Credentials that were issued at this time or before it are revoked. Left out: now. */
    issuedBefore?: number | undefined
    /** `end`, the default: the sessions end. `reauth`: within 10 seconds their clients must send a token that is not revoked. */
    mode?: 'end' | 'reauth' | undefined
    signal?: AbortSignal | undefined
  }): Promise<Revoked>

  /** Create a user, or replace the vouched profile. The vouched profile is what the app’s backend says about the user, here or in tokens. The body replaces it as a whole, unless a token with a later `iat` has set it. Connected clients of the user get the new profile at once. A guest must exist. */
  putUser(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    body: Profile
    signal?: AbortSignal | undefined
  }): Promise<User>

  /** A user, whether they are online, and their inbox. */
  getUser(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    signal?: AbortSignal | undefined
  }): Promise<UserState>

  /** Delete a user. Ends the user’s sessions and revokes the credentials, as `endUserSessions` does, and deletes the user and the inbox. The revocation is kept. Copies of messages in other users’ inboxes stay. Unlike `endUserSessions`, a deletion always revokes all that was issued up to now: an earlier `issuedBefore` counts as now. */
  deleteUser(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** Unix time in seconds, at most 30 seconds ahead of the gateway’s clock. Credentials that were issued at this time or before it are revoked. Left out: now. */
    issuedBefore?: number | undefined
    signal?: AbortSignal | undefined
  }): Promise<Revoked>

  /** The users of the app. The list includes guests. Its order, by id, never changes. */
  listUsers(input?: {
    /** The most entries on a page. Left out: 50. */
    limit?: number | undefined
    /** The `next` of the page before. Left out: the first page. */
    cursor?: string | undefined
    signal?: AbortSignal | undefined
  }): Promise<{
    users: User[]
    /** The `cursor` of the next page. Absent on the last page. */
    next?: string | undefined
  }>

  /** Whether users are online. For a list of users on a page: up to 100 users, answered in the order of the request. A user who does not exist is offline. */
  getUsersStatus(input: {
    body: { users: (string | number)[] }
    signal?: AbortSignal | undefined
  }): Promise<{ users: UserStatus[] }>

  /** Let a user adopt a guest. What the guest received and sent becomes the user’s, as if the user’s client had started with the guest’s token. Later messages to the guest go to the user. The user is created if there is none. The same call again has the same answer. */
  adoptGuest(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    body: { guest: string | number }
    signal?: AbortSignal | undefined
  }): Promise<{ adopted: Adoption | null }>

  /** Send a message to a user. The message is durable before the answer. A recipient or sender who does not exist is created; a guest must exist. */
  sendMessage(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    body: {
      /** Makes a retry safe: the same `id` with the same content is stored once. Left out: the gateway chooses one. */
      id?: string | undefined
      from?: string | number | undefined
      /** A message has a `body`, `data` or both, at most 16 kB together. */
      body?: string | undefined
      data?: Record<string, unknown> | undefined
    }
    signal?: AbortSignal | undefined
  }): Promise<Sent>

  /** The messages in a user’s inbox. The messages that the user received and sent. The messages of a page are in the order of their offsets. Without `after` the first page has the newest messages, and `next` leads to older ones; with `after` it leads to newer ones. */
  listMessages(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** The oldest messages after this offset. */
    after?: number | undefined
    /** The newest messages before this offset. */
    before?: number | undefined
    /** A user id: only messages from and to this user. Empty: only those of the app’s backend. */
    with?: string | number | undefined
    /** The most entries on a page. Left out: 50. */
    limit?: number | undefined
    /** The `next` of the page before. Left out: the first page. */
    cursor?: string | undefined
    signal?: AbortSignal | undefined
  }): Promise<{
    /** Offsets of different epochs can’t be compared. A deletion of the user changes the epoch. */
    epoch: string
    /** The offset of the newest message; 0 if there was none. */
    offset: number
    /** All messages up to this offset are read. */
    readOffset: number
    unread: number
    messages: Message[]
    /** The `cursor` of the next page. Absent on the last page. */
    next?: string | undefined
    /** The position `EPOCH/OFFSET` up to which the list reaches: a session that starts with this position gets the later messages. Absent on a page of the list that does not reach the newest message. */
    since?: string | undefined
  }>

  /** Send a message to several users. Sends to up to 1000 users. Each recipient has a result, in the order of `to`: where the message is stored, or why it is not. With an `id` the whole call can be repeated: what is stored is not stored again. */
  sendMessages(input: {
    body: {
      /** User ids. The result of one that is not valid is a `problem`. */
      to: (string | number)[]
      /** Makes a retry safe: the same `id` with the same content is stored once. Left out: the gateway chooses one. */
      id?: string | undefined
      from?: string | number | undefined
      /** A message has a `body`, `data` or both, at most 16 kB together. */
      body?: string | undefined
      data?: Record<string, unknown> | undefined
    }
    signal?: AbortSignal | undefined
  }): Promise<{
    results: (
      | {
          user: string
          id: string
          /** The position in the recipient’s inbox. */
          offset: number
          /** Unix time in milliseconds. */
          sentAt: number
        }
      | { user: string; problem: Problem }
    )[]
  }>

  /** Send a signal to a user’s open pages. Something brief, such as “an agent is typing”. It reaches the pages that are connected now, or none: nothing is stored. The app’s `signals` rule does not limit this call. `data` has at most 1024 bytes as JSON. */
  sendSignal(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    body: {
      from?: string | number | undefined
      /** The name by which the pages recognize the signal. */
      name: string
      data?: Record<string, unknown> | undefined
      /** Milliseconds for which the signal is valid. Left out: 5000. */
      ttl?: number | undefined
    }
    signal?: AbortSignal | undefined
  }): Promise<void>

  /** Mark messages as read. Marks all messages up to `offset` as read, for example after the user has read them in an e-mail. If `with` is a user id, the call marks only the messages from this user; if it is null, only those from the app’s backend. A mark never goes back. */
  markRead(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    body: { epoch: string; offset: number; with?: string | number | null | undefined }
    signal?: AbortSignal | undefined
  }): Promise<ReadInbox>

  /** The peers of a user. Each peer has the newest message from or to it, and the number of unread messages from it. The peer with the latest message comes first. A peer without kept messages is not listed. */
  listPeers(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** The most entries on a page. Left out: 20. */
    limit?: number | undefined
    /** The `next` of the page before. Left out: the first page. */
    before?: string | undefined
    signal?: AbortSignal | undefined
  }): Promise<{
    peers: Peer[]
    /** The `before` of the next page, `EPOCH/OFFSET`. Absent on the last page. */
    next?: string | undefined
  }>

  /** A user’s devices that Web Push reaches. The subscription that was renewed last comes first. The endpoint of a subscription is a secret, so the answer leaves it out. */
  listPushSubscriptions(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    signal?: AbortSignal | undefined
  }): Promise<{ subscriptions: Subscription[] }>

  /** End a push subscription. Messages are pushed to the device no more, until a page of the user subscribes the device again. If the user logs out, end the sessions first: their pages could subscribe the device again. */
  endPushSubscription(input: {
    /** A user id: 1 to 255 bytes of UTF-8 without control characters; not `.` or `..`. A safe integer counts as its digits. */
    user: string | number
    /** The `id` of a subscription in the list of the user’s subscriptions. */
    id: string
    signal?: AbortSignal | undefined
  }): Promise<void>

  /** What the app stores, and its limits. */
  getUsage(input?: { signal?: AbortSignal | undefined }): Promise<{
    /** Users who are stored, guests included. */
    users: number
    guests: number
    /** Inboxes that ever held a message. */
    inboxes: number
    /** About how many bytes the stored messages take. */
    bytes: number
    /** Sessions that have not ended. */
    sessions: number
    limits: {
      users: number | null
      guests: number | null
      inboxes: number | null
      bytes: number | null
      sessions: number | null
    }
  }>
}

/** Where each call goes, and the status of its success if that has no body. */
export const operations = {
  endUserSessions: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/sessions',
    query: ['issuedBefore', 'mode'],
  },
  listUserSessions: {
    method: 'GET',
    path: '/v1/apps/{app}/users/{user}/sessions',
    query: ['limit', 'cursor'],
  },
  liftRevocation: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/revocation',
    query: [],
    emptyStatus: 204,
  },
  endSession: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/sessions/{session}',
    query: [],
    emptyStatus: 204,
  },
  revokeToken: { method: 'DELETE', path: '/v1/apps/{app}/tokens/{jti}', query: [], emptyStatus: 204 },
  endAppSessions: { method: 'DELETE', path: '/v1/apps/{app}/sessions', query: ['issuedBefore', 'mode'] },
  putUser: { method: 'PUT', path: '/v1/apps/{app}/users/{user}', query: [] },
  getUser: { method: 'GET', path: '/v1/apps/{app}/users/{user}', query: [] },
  deleteUser: { method: 'DELETE', path: '/v1/apps/{app}/users/{user}', query: ['issuedBefore'] },
  listUsers: { method: 'GET', path: '/v1/apps/{app}/users', query: ['limit', 'cursor'] },
  getUsersStatus: { method: 'POST', path: '/v1/apps/{app}/users:status', query: [] },
  adoptGuest: { method: 'POST', path: '/v1/apps/{app}/users/{user}/adopt', query: [] },
  sendMessage: { method: 'POST', path: '/v1/apps/{app}/users/{user}/messages', query: [] },
  listMessages: {
    method: 'GET',
    path: '/v1/apps/{app}/users/{user}/messages',
    query: ['after', 'before', 'with', 'limit', 'cursor'],
  },
  sendMessages: { method: 'POST', path: '/v1/apps/{app}/messages', query: [] },
  sendSignal: { method: 'POST', path: '/v1/apps/{app}/users/{user}/signals', query: [], emptyStatus: 202 },
  markRead: { method: 'POST', path: '/v1/apps/{app}/users/{user}/read', query: [] },
  listPeers: { method: 'GET', path: '/v1/apps/{app}/users/{user}/peers', query: ['limit', 'before'] },
  listPushSubscriptions: { method: 'GET', path: '/v1/apps/{app}/users/{user}/push', query: [] },
  endPushSubscription: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/push/{id}',
    query: [],
    emptyStatus: 204,
  },
  getUsage: { method: 'GET', path: '/v1/apps/{app}/usage', query: [] },
} as const satisfies Record<
  keyof RestCalls,
  { method: string; path: string; query: readonly string[]; emptyStatus?: number }
>
