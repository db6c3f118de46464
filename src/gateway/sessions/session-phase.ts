import type { Credential, SessionRef, UserRecord } from '../../engine/index.js'
import type { EndCode } from '../../protocol/index.js'
import type { SessionEvent } from './hub.js'

/** What the engine does with a session whose connection closed: it detaches the session for some milliseconds, or ends it with a code. */
export type DetachOrEnd = { resumableFor: number } | { code: EndCode }

/** A session that the engine has started or resumed, before the client is sent `started`. */
export interface EngineSession {
  readonly ref: SessionRef
  readonly resumed: boolean
}

/** The phase until `started` is sent. Meanwhile events wait in `events`. `user` is the user of the latest `user-changed` event. */
export interface Starting {
  readonly name: 'starting'
  readonly events: SessionEvent[]
  user?: UserRecord
  engineSession?: EngineSession
}

/** The phase from `started` on. `confirmed`: the client has sent a frame since. `ending`: the client has sent `end`. */
export interface Started {
  name: 'live' | 'confirmed' | 'ending'
  readonly ref: SessionRef
  readonly epoch: string
  /** The credential of the start. */
  readonly credential: Credential
  /** The origin of the client's page; null for a client that is not a browser. */
  readonly origin: string | null
  /** The app's key that `started` has told. */
  readonly pushKey: string | undefined
}

/** The phase of a session on its connection. */
export type SessionPhase =
  Starting | Started | { readonly name: 'released'; readonly detachOrEnd: DetachOrEnd }
