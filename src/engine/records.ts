import type { Profile } from '../protocol/index.js'
import type { InboxState, Position, Retention } from './inbox-records.js'
import type { WebhookOptions } from './webhook-events.js'

/** A user of an app. The caller has checked both ids, so an engine may rely on ids without control characters. */
export interface UserRef {
  appId: string
  userId: string
}

export interface SessionRef extends UserRef {
  sessionId: string
}

/**
 * A stored user. The profile that the app's backend vouched for and the profile that clients claimed are separate, because a vouched field
 * wins even over a claimed field that came later. `mergeProfile` merges the two.
 */
export interface UserRecord extends UserRef {
  vouched: Profile
  /** When the vouched profile was issued (Unix, milliseconds); null if that is unknown, or if no profile was vouched for. */
  vouchedAt: number | null
  /** When the app's backend last set the profile itself (see `VouchedProfile`); absent if it never has. Unix time, in milliseconds. */
  setAt?: number | undefined
  claimed: Profile
  /** Unix time, in milliseconds. */
  createdAt: number
}

/** A profile that the app's backend vouches for. */
export interface VouchedProfile {
  profile: Profile
  /** When the profile was issued (Unix, milliseconds); null if that is unknown. */
  issuedAt: number | null
  /** Whether the app's backend sets the profile itself, and not in a credential of a session. @default false */
  byBackend?: boolean | undefined
}

export interface UserChange {
  /**
   * Replaces the vouched profile as a whole, unless a vouched profile with a later `issuedAt` is stored. So an older token that is still
   * valid does not bring back a role that was taken away. A profile with `issuedAt: null` replaces no vouched profile.
   */
  vouched?: VouchedProfile | undefined
  /**
   * Each given field replaces the stored field of that name. Other stored fields stay. If the merged profile would be larger than
   * `limits.profile` of the protocol, no claimed field changes. If the vouched fields leave no room for the stored claimed fields, the
   * engine deletes these.
   */
  claimed?: Profile | undefined
}

/** The conditions under which `admitUser` saves the user who starts a session. */
export interface Admission {
  /** The proof that the user gave. If it is revoked, nothing is saved. */
  credential: Credential
  /** How many guests the app may have; null if the user is no guest. */
  maxGuests: number | null
  /** Whether the user must be new. If a user has the id already, `admitUser` resolves with `exists`. */
  mustBeNew: boolean
  /** When the user was created, if the proof tells it. A user with the same id who was created at another time is another user. */
  createdAt?: number | undefined
}

/**
 * Why `admitUser` has not saved the user. `revoked`: the credential is revoked. `full`: the app has `maxGuests` guests. `exists`: another
 * user has the id. `gone`: the user who was created at `createdAt` is deleted.
 */
export type AdmissionRefusal = 'revoked' | 'full' | 'exists' | 'gone'

export interface SavedUser {
  user: UserRecord
  created: boolean
  /** Whether the profile differs from the stored one; true for a new user. */
  changed: boolean
}

/**
 * How the user of a session proved who they are. A gateway signs tokens for guests, and for users whom the app has accepted by their
 * `authParams`, an object that the client sends. Such a token counts as `guest` or `authParams`.
 */
export type AuthMethod = 'token' | 'signature' | 'authParams' | 'guest'

/** The proof that the session's user gave. It never changes: a renewal brings another one. Times are Unix times, in milliseconds. */
export interface Credential {
  readonly authMethod: AuthMethod
  /** The token's `jti`; null if there is none. */
  readonly tokenId: string | null
  /**
   * When the credential was issued; null if that is unknown. Every revocation of the user or of the app revokes a credential without this
   * time.
   */
  readonly issuedAt: number | null
  /** When the credential expires; null if it never does. */
  readonly expiresAt: number | null
}

/** The client of a session, as its latest connection describes it. */
export interface ClientFacts {
  /** The page's origin; null if the client is no browser. */
  origin: string | null
  address: string
  /** The client's name and version; null if the client has sent none. */
  client: string | null
  /** The id of the gateway to which the client connected. */
  node: string
}

/** A session that has not ended. Times are Unix times, in milliseconds. */
export interface SessionRecord extends SessionRef, ClientFacts {
  guest: boolean
  credential: Credential
  startedAt: number
  lastSeenAt: number
  /**
   * `active`: a connection carries the session. `detached`: no connection carries the session, which waits until a client resumes it or its
   * resume window is over.
   */
  state: 'active' | 'detached'
  /** Whether the session's page is hidden. */
  hidden: boolean
  /** Round-trip time of the last ping, in milliseconds; null before the first. */
  rtt: number | null
}

export interface SessionRequest extends UserRef, ClientFacts {
  guest: boolean
  credential: Credential
  /**
   * The `createdAt` of the user whom `admitUser` has saved for this start. If this user has been deleted since, `startSession` changes
   * nothing. If undefined, `startSession` does not check this.
   */
  userCreatedAt?: number | undefined
  /** Whether the session's page is hidden. */
  hidden: boolean
  /** The connection that carries the session from now on. The id is unique among all gateways on the engine. */
  connectionId: string
  /** The hash of the key by which the client may resume the session. Engines never receive the key itself, only the client does. */
  keyHash: string
  /** The hash of the resume key that the client sent. If the key belongs to a session of this user, that session is resumed. */
  resumes?: string | undefined
  /** The position in the inbox after which the client's messages begin. If undefined, they begin after the newest message. */
  after?: Position | undefined
  /** Milliseconds for which the session can be resumed if its gateway crashes. This is the session's resume window. */
  resumableFor: number
  /**
   * How many sessions the user may have, this one included. If the user has more, the engine ends sessions as `too-many-sessions`: first
   * those that have been detached for the longest time, then those that have been hidden for the longest time, then the oldest.
   */
  sessionsPerUser: number
}

export interface StartedSession extends SessionRecord {
  /** Whether a session was resumed. If the resume key is outdated or belongs to a different user, a new session starts. */
  resumed: boolean
  /** The state of the user's inbox at the start. */
  inbox: InboxState
  /** Whether messages after the request's `after` are gone, or that position is of another epoch. */
  lost: boolean
}

/** A request that a user adopts a guest. */
export interface AdoptionRequest extends UserRef {
  /** The `createdAt` of the user. A later user with the same id is another user. */
  userCreatedAt: number
  guestId: string
  /** The guest's own proof, with the guest's `createdAt`. Null if the request comes from the app's backend, which needs no proof. */
  proof: { credential: Credential; createdAt: number } | null
  /** Sets the app's retention, as `Engine.configure` does. */
  retention: Retention
}

/** A guest who was adopted, and how many messages the guest had at that time. */
export interface Adoption {
  guest: string
  messages: number
}

export interface SessionPage {
  /**
   * The sessions of each user are in the order of age, the oldest first. In an engine that no other process shares, all sessions are in
   * this order.
   */
  sessions: SessionRecord[]
  /** The cursor of the next page; null after the last session. */
  next: string | null
}

/** Which credentials are revoked, and what happens to the sessions that used them. */
export interface Revocation {
  /**
   * Credentials that were issued up to this time (Unix, milliseconds) are revoked, and so are those whose `issuedAt` is null. Null means
   * the present time, and then `mode` concerns every session that exists, whatever its credential.
   */
  issuedBefore: number | null
  /** `end`: the sessions end as `revoked`. `reauth`: the sessions go on, and the engine emits `reauth` for each of them. */
  mode: 'end' | 'reauth'
}

export interface UserStatus {
  /** Whether the user has a session that a connection carries, or that lost its connection less than 20 seconds ago and has not ended. */
  online: boolean
  /** The number of sessions that have not ended. */
  sessions: number
  /** Unix time in milliseconds; null if the user never had a session. */
  lastSeenAt: number | null
  /**
   * A revocation of the user or of the app has revoked the user's credentials that were issued up to this time; null if there is no
   * revocation.
   */
  revokedBefore: number | null
  /** The number of unread messages. */
  unread: number
}

/** Whether a user is online. */
export interface UserPresence extends UserRef {
  online: boolean
  /** Unix time in milliseconds. If the user is online, this is about the present time. Null if the user never had a session. */
  lastSeenAt: number | null
}

/** The counts of an app's data in an engine. */
export interface AppUsage {
  /** Saved users, guests included. */
  users: number
  guests: number
  /** Inboxes that ever had a message, without those of deleted users. */
  inboxes: number
  /** About how many bytes the stored messages take. */
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

/** The profile that others see: vouched fields win over claimed ones. */
export const mergeProfile = (user: Pick<UserRecord, 'vouched' | 'claimed'>): Profile => ({
  ...user.claimed,
  ...user.vouched,
})
