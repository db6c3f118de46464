import type { Credential, EngineEvent, SessionRef, UserRecord } from '../../engine/index.js'
import type { EndCode } from '../../protocol/index.js'

/** What becomes of a session whose connection closed: the engine detaches it for some milliseconds, or ends it with a code. */
export type DetachOrEnd = { resumableFor: number } | { code: EndCode }

/** A session that the engine has started or resumed, before the client is sent `started`. */
export interface EngineSession {
  readonly ref: SessionRef
  readonly resumed: boolean
}

/** Until `started` is sent. Events wait in `events`; a later profile of the user replaces an earlier one. */
export interface Starting {
  readonly name: 'starting'
  readonly events: EngineEvent[]
  user?: UserRecord
  engineSession?: EngineSession
}

/** From `started` on. `confirmed`: the client has sent a frame since. `ending`: the client has sent `end`. */
export interface Started {
  name: 'live' | 'confirmed' | 'ending'
  readonly ref: SessionRef
  readonly epoch: string
  /** The credential of the start. */
  readonly credential: Credential
}

/** The phase of a session on its connection. */
export type SessionPhase =
  Starting | Started | { readonly name: 'released'; readonly detachOrEnd: DetachOrEnd }
