import type { JsonObject, Message, Profile } from '../protocol/index.js'
import type { WebhookOptions } from './webhook-events.js'

/** A user of an app. The caller has checked both ids: an engine may rely on their having no control characters. */
export interface UserRef {
  appId: string
  userId: string
}

export interface SessionRef extends UserRef {
  sessionId: string
}

/**
 * A stored user. The profile that the app's backend vouched for and the profile that clients claimed are separate, because
 * vouched fields win even over claimed fields that came later. `mergeProfile` merges the two.
 */
export interface UserRecord extends UserRef {
  vouched: Profile
  /** When the vouched profile was issued (Unix, milliseconds); null if that is unknown, or if no profile was vouched for. */
  vouchedAt: number | null
  claimed: Profile
  /** Unix time, in milliseconds. */
  createdAt: number
}

/** A profile that the app's backend vouches for. */
export interface VouchedProfile {
  profile: Profile
  /** When it was issued (Unix, milliseconds); null if that is unknown. */
  issuedAt: number | null
}

export interface UserChange {
  /**
   * Replaces the vouched profile as a whole, unless one with a later `issuedAt` is stored: an older token that is still valid
   * must not bring back a role that was taken away. With `issuedAt: null` it replaces none.
   */
  vouched?: VouchedProfile | undefined
  /** A given field replaces the stored one. Other fields stay. */
  claimed?: Profile | undefined
}

export interface SavedUser {
  user: UserRecord
  created: boolean
  /** Whether the profile differs from the stored one; true for a new user. */
  changed: boolean
}

/** How the user of a session proved who they are. A token that a gateway signed counts as the method that it was signed for. */
export type AuthMethod = 'token' | 'signature' | 'authParams' | 'guest'

/** The proof that the session's user gave. Times are Unix times, in milliseconds. */
export interface Credential {
  authMethod: AuthMethod
  /** The token's `jti`; null if there is none. */
  tokenId: string | null
  /** When it was issued; null if that is unknown, so that every revocation of the user reaches it. */
  issuedAt: number | null
  /** When it expires; null if it never does. */
  expiresAt: number | null
}

/** The client of a session, as the connection that carries it last has it. */
export interface ClientFacts {
  /** The page's origin; null if the client is no browser. */
  origin: string | null
  address: string
  /** The client's name and version; null if it has sent none. */
  client: string | null
  /** The id of the gateway that the connection came to. */
  node: string
}

/** A session that has not ended. Times are Unix times, in milliseconds. */
export interface SessionRecord extends SessionRef, ClientFacts {
  guest: boolean
  credential: Credential
  startedAt: number
  lastSeenAt: number
  /** `active`: a connection carries it. `detached`: none does, until the client resumes it or its resume window is over. */
  state: 'active' | 'detached'
  /** Whether the session's page is hidden. */
  hidden: boolean
  /** Round-trip time of the last ping, in milliseconds; null before the first. */
  rtt: number | null
}

export interface SessionRequest extends UserRef, ClientFacts {
  guest: boolean
  credential: Credential
  /** Whether the session's page is hidden. */
  hidden: boolean
  /** The connection that carries the session from now on. Unique among all gateways on the engine. */
  connectionId: string
  /** Hash of the resume key that the client is given now. Engines never receive the keys themselves. */
  keyHash: string
  /** Hash of the resume key that the client sent. If it belongs to a session of this user, that session is resumed. */
  resumes?: string | undefined
  /** Milliseconds for which the session can be resumed if its gateway crashes: its resume window. */
  resumableFor: number
  /**
   * How many sessions the user may have, this one included. Beyond that sessions end as `too-many-sessions`: first those that
   * have been detached for the longest time, then those that have been hidden for the longest time, then the oldest.
   */
  sessionsPerUser: number
}

export interface StartedSession extends SessionRecord {
  /** Whether a session was resumed. A stale key, or another user's, starts a new session and changes no other. */
  resumed: boolean
}

export interface SessionPage {
  /** Those of a user oldest first. An engine of one process has all of them so. */
  sessions: SessionRecord[]
  /** The cursor of the next page; null after the last session. */
  next: string | null
}

/** The credentials and sessions that a revocation ends. */
export interface Revocation {
  /**
   * Credentials that were issued at this time (Unix, milliseconds) or before it are dead, and so are those whose `issuedAt` is null.
   * Null: those that were issued up to now, and every session that there is now ends, whatever it stands on.
   */
  issuedBefore: number | null
  /** `end`: the sessions end as `revoked`. `reauth`: they go on, and a `reauth` event is emitted for each. */
  mode: 'end' | 'reauth'
}

export interface UserStatus {
  /** Whether a connection carries a session of the user, or one did less than 20 seconds ago and the session has not ended. */
  online: boolean
  /** The number of sessions that have not ended. */
  sessions: number
  /** Unix time in milliseconds; null if the user never had a session. */
  lastSeenAt: number | null
  /** Credentials that were issued at this time or before it are dead, by a revocation of the user or of the app; null if there is none. */
  revokedBefore: number | null
  /** The number of unread messages. */
  unread: number
}

/** The counts of an app's data in an engine. */
export interface AppUsage {
  /** Saved users, guests included. */
  users: number
  guests: number
  /** Inboxes that ever had a message. */
  inboxes: number
  /** Bytes of the messages that are stored, about. */
  bytes: number
  /** Sessions that have not ended. */
  sessions: number
}

/** The part of an app's settings that an engine uses. */
export interface AppOptions {
  retention: Retention
  /** Which webhook events the engine keeps for the app; null for none. */
  webhooks: WebhookOptions | null
}

/** A position in an inbox. Offsets of different epochs don't compare. */
export interface Position {
  epoch: string
  /** 0 is before the first message. */
  offset: number
}

/** The state of an inbox. `offset` is the newest message's. */
export interface InboxState extends Position {
  readOffset: number
  /** The number of retained messages from others after `readOffset`. */
  unread: number
}

/** A message to send, with `body`, `data` or both. The caller has checked the sizes. */
export interface CheckedMessage {
  appId: string
  /** The idempotency key, made by the sender. It identifies the message among those of one sender to one recipient. */
  id: string
  /** A user id, or null for the app's backend. */
  from: string | null
  to: string
  body?: string | undefined
  data?: JsonObject | undefined
}

/** Which messages of each inbox an app retains. Those beyond any of the three limits are deleted, the oldest first. */
export interface Retention {
  /** The greatest number of messages. */
  messages: number
  /** About the greatest number of bytes that the messages take together. The newest message is retained whatever its size. */
  bytes: number
  /** The greatest age of a message, in milliseconds. */
  age: number
}

/** The app's rules for a message. */
export interface SendRules {
  /** Milliseconds for which the message's id makes a retry safe. */
  sendWindow: number
  /** Sets the app's retention, as `Engine.retain` does. */
  retention: Retention
  /** Whether a user who was never saved may receive messages. */
  unknownRecipients: boolean
  /**
   * A share of the recipient's retention, above 0 and at most 1. If a sender's unread messages take more, the sender's next message
   * is refused if it would push out another sender's unread message. Messages from the backend have no such limit.
   */
  unreadPerSender: number
  /** How many inboxes with messages the app may have, and about how many bytes of messages. */
  quota: { inboxes: number; bytes: number }
  /**
   * How many messages the sender may send in a second; undefined for no limit. An engine that several gateways share counts
   * over all of them. An engine of one process ignores it: its gateway counts every message before it calls `send`.
   */
  messagesPerSecond?: number | undefined
}

export type SendResult =
  | {
      outcome: 'stored' | 'repeated'
      /** The offset in the recipient's inbox. */
      offset: number
      /**
       * The offset of the sender's own copy. It is `offset` for a message to oneself, and null for a message from the backend, which has
       * no own copy.
       */
      ownOffset: number | null
      sentAt: number
    }
  /**
   * `conflict`: the same id was sent with other content. `full`: the app's quota is used up. `refused`: the sender has more unread
   * messages in the inbox than `unreadPerSender` allows, and this one would push out another sender's unread message.
   */
  | { outcome: 'conflict' | 'unknown-user' | 'full' | 'refused' }
  /** Nothing is stored: the sender has sent `messagesPerSecond`. `retryAfter` in milliseconds. */
  | { outcome: 'limited'; retryAfter: number }

export interface MessagePage {
  /** In offset order. */
  messages: Message[]
  /** Whether messages between the given position and the first of `messages` are no longer retained. */
  lost: boolean
}

/** The profile that others see: vouched fields win over claimed ones. */
export const mergeProfile = (user: Pick<UserRecord, 'vouched' | 'claimed'>): Profile => ({
  ...user.claimed,
  ...user.vouched,
})
