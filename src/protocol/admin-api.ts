// The JSON that the gateway's admin API returns to the console. Types only. Times are Unix times, in milliseconds.
import type { EndCode } from './close-codes.js'
import type { Profile } from './profile.js'

/** The result of `GET /api/me`. */
export interface Login {
  role: 'admin' | 'read'
}

/** An app, and how much of its limits it uses. */
export interface AppSummary {
  appId: string
  environment: 'test' | 'production'
  sessions: number
  users: number
  guests: { used: number; limit: number }
  inboxes: { used: number; limit: number }
  bytes: { used: number; limit: number }
}

export interface SessionSummary {
  sessionId: string
  userId: string
  state: 'active' | 'detached'
  hidden: boolean
  /** How the user logged in. */
  way: 'token' | 'signature' | 'authParams' | 'guest'
  /** The token's `jti`. */
  tokenId: string | null
  expiresAt: number | null
  origin: string | null
  address: string
  client: string | null
  startedAt: number
  lastSeenAt: number
  /** The round-trip time of a ping, in milliseconds. */
  rtt: number | null
}

/** A part of a list. `next` is the cursor of the next part; null after the last one. */
export interface SessionList {
  sessions: SessionSummary[]
  next: string | null
}

export interface UserSummary {
  userId: string
  profile: Profile
  createdAt: number
}

export interface UserList {
  users: UserSummary[]
  next: string | null
}

/** A change of a session on this gateway. Each later change has a greater `seq`. */
export interface SessionChange {
  seq: number
  at: number
  appId: string
  userId: string
  sessionId: string
  type: 'started' | 'resumed' | 'disconnected' | 'ended'
  /** Why the session was disconnected or ended. `left`: the user left the page. `lost`: the connection was closed in another way. */
  code: EndCode | 'left' | 'lost' | null
}

export interface UserDetail extends UserSummary {
  online: boolean
  lastSeenAt: number | null
  revokedBefore: number | null
  inbox: { offset: number; readOffset: number; unread: number }
  /** The oldest session comes first. */
  sessions: SessionSummary[]
  /** How many sessions the user has. `sessions` has at most 100 of them. */
  sessionCount: number
  /** The devices with a push subscription; null if the app has no `push` in the config. */
  devices: DeviceSummary[] | null
  /** The latest changes of the user's sessions on this gateway, oldest first. */
  changes: readonly SessionChange[]
}

/** A device with a push subscription. The subscription's endpoint is left out, because whoever knows it can push to the device. */
export interface DeviceSummary {
  id: string
  /** The host of the push service. */
  host: string
  createdAt: number
  renewedAt: number
  lastSuccessAt: number | null
  /** How many pushes have failed since the last one that succeeded. */
  failures: number
}

/** The result of a test push to one device. */
export interface PushTest {
  /** `failed`: the gateway would repeat such a push if it were for a message. */
  result: 'delivered' | 'failed' | 'given-up' | 'gone'
  error: string | null
}

/** A frame of a session that the console traces, without the frame's content. */
export interface TracedFrame {
  at: number
  /** `in`: from the client. */
  direction: 'in' | 'out'
  type: string
  bytes: number
  /** The code of `refused` and `ended`. */
  code: string | null
}

/**
 * A line of a response that stays open, such as the one that brings the frames of a traced session. `skipped` counts the entries that the
 * line had no room for.
 */
export interface StreamLine<Entry> {
  entries: Entry[]
  skipped: number
}

/** One request to an app's webhook endpoint, for an event or for a test from the console. The body and the URL are left out. */
export interface DeliverySummary {
  /** The event's id. The id of a test belongs to no event. */
  id: string
  /** The type of the event; `test` for a test. */
  type: string
  /** Null for a test and for an event of the app itself. */
  userId: string | null
  /** When the request was sent. */
  at: number
  /** 1 for the event's first request. */
  attempt: number
  /** The status of the answer; null if there was none. */
  status: number | null
  /** Milliseconds until the answer. */
  duration: number
  /** `retry`: the gateway will deliver the event again. `failed`: the gateway has given the event up. */
  result: 'delivered' | 'retry' | 'failed'
  /** Why the event was not delivered; null if it was delivered. */
  error: string | null
}

/** An event that was not delivered yet, without its data. */
export interface PendingEventSummary {
  id: string
  type: string
  /** Null for an event of the app itself. */
  userId: string | null
  at: number
  attempts: number
  dueAt: number
  lastError: string | null
  state: 'pending' | 'failed'
}

export interface WebhookState {
  /** Whether the app has webhooks in the config. */
  isConfigured: boolean
  /** `pending`: how many events wait for their delivery. `oldestAt`: when the oldest of them happened. */
  pending: number
  oldestAt: number | null
  /** The newest delivery comes first. */
  deliveries: readonly DeliverySummary[]
}

export interface PendingEventList {
  events: PendingEventSummary[]
  next: string | null
}

/** A finding about one part of a token. `text` quotes no part of a signature or of a secret. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail'
  part:
    'form' | 'tokenType' | 'iss' | 'alg' | 'signature' | 'exp' | 'nbf' | 'iat' | 'sub' | 'user' | 'revocation'
  text: string
}

/** A token is good if no finding is a `fail`. */
export interface TokenCheck {
  /** The app and the user that the token names, even if the token is not good. A token of type `app` names no user. */
  appId: string | null
  userId: string | null
  findings: Finding[]
}

/** The samples of one chart, oldest first. A null stands for a time without a value. */
export interface Series {
  label: string
  unit: '' | 'per second' | 'milliseconds' | 'bytes'
  values: (number | null)[]
}
