import type { EndCode, Profile } from '../protocol/index.js'

/** A user of an app. Ids have been checked by the caller (`isAppId`, `isUserId`). */
export interface UserRef {
  appId: string
  userId: string
}

export interface SessionRef extends UserRef {
  sessionId: string
}

/**
 * What is known of a user. What the app's backend vouched for is kept apart from what clients claimed, since it lies
 * on top of it whichever came last; `profileOf` puts the two together.
 */
export interface UserRecord extends UserRef {
  vouched: Profile
  claimed: Profile
  /** Unix time in milliseconds. */
  createdAt: number
}

/** Fields that are given replace those that are kept; what is not given stays. */
export interface UserChange {
  vouched?: Profile | undefined
  claimed?: Profile | undefined
}

export interface SavedUser {
  user: UserRecord
  created: boolean
  /** Whether anything differs from what was kept before. */
  changed: boolean
}

/** A session as its engine knows it. Times are Unix times in milliseconds. */
export interface SessionRecord extends SessionRef {
  guest: boolean
  startedAt: number
}

export interface SessionRequest extends UserRef {
  guest: boolean
  /** Sessions the user may have, this one included: beyond them the oldest ends as `replaced`. */
  sessionsPerUser: number
}

/** What an engine tells every gateway that listens to it. */
export interface SessionEnded {
  type: 'session-ended'
  session: SessionRef
  code: EndCode
}
/** The profile of a user who was known before is another now. */
export interface UserChanged {
  type: 'user-changed'
  user: UserRecord
}
export type Signal = SessionEnded | UserChanged

/**
 * Where gateways keep users and sessions, and how they reach each other. Every method is required: what an engine
 * doesn't have, it answers with a value that says so. All reject with `EngineError`.
 */
export interface Engine {
  readonly type: 'memory' | 'embedded'

  /** Makes the engine ready. Rejects with `locked`, `unwritable` or `unavailable`. */
  open(): Promise<void>

  /** Writes what is waiting and lets everything go; closing twice is fine. */
  close(): Promise<void>

  /** 32 random bytes, the same for every gateway on this engine and for as long as it keeps anything. */
  key(): Promise<Uint8Array>

  user(of: UserRef): Promise<UserRecord | null>

  /**
   * Creates the user or changes the profile. Durable once it resolves; what changes nothing writes nothing. Listeners
   * hear of a change once it is durable.
   */
  saveUser(of: UserRef, change: UserChange): Promise<SavedUser>

  /** Starts a session with a new id. Listeners hear of the sessions that had to make room for it. */
  startSession(request: SessionRequest): Promise<SessionRecord>

  /** The user's live sessions, oldest first. */
  sessions(of: UserRef): Promise<SessionRecord[]>

  /** Ends a session and tells every listener; false when there is no such session. */
  endSession(session: SessionRef, code: EndCode): Promise<boolean>

  /** Calls `listener` with every signal from now on, until `signal` aborts. */
  listen(listener: (told: Signal) => void, signal: AbortSignal): void
}

/** The profile others see: what was vouched for over what was claimed. */
export const profileOf = (user: Pick<UserRecord, 'vouched' | 'claimed'>): Profile => ({
  ...user.claimed,
  ...user.vouched,
})
