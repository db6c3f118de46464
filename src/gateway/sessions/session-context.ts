import type { Engine, SessionRef, SessionRequest, UserRecord } from '../../engine/index.js'
import type { ClientFrameOf, Message } from '../../protocol/index.js'
import type { App } from '../apps/app.js'
import type { Settings } from '../config/parse.js'
import type { Log } from '../log.js'
import type { RefusalParts } from '../messages/client-sends.js'
import type { KnownProfiles } from '../messages/known-profiles.js'
import type { MessageTurns } from '../messages/message-turns.js'
import type { Said } from '../messages/own-profile.js'
import type { SendAuthorizer } from '../messages/send-authorizer.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Tracing } from '../tracing/tracing.js'
import type { Activity } from './activity.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Delivery } from './messages/delivery.js'
import type { Watchers } from './presence/watchers.js'
import type { Renewals } from './renewals.js'
import type { UserLimits } from './user-limits.js'

/** The parts of a gateway that its sessions use. */
export interface SessionContext {
  settings: Pick<Settings, 'pingInterval' | 'sendWindow' | 'resumeWindow'>
  engine: Engine
  log: Log
  metrics: Metrics
  messageTurns: MessageTurns
  profiles: KnownProfiles
  tracing: Tracing
  watchers: Watchers
  sendAuthorizer: SendAuthorizer
  /** Returns the milliseconds over which clients reconnect if the gateway is lost. */
  reconnectWindow(): number
  /** The name of this gateway, which the engine stores with each session. */
  node: string
  /** Null if the gateway has no admin listener. */
  activity: Activity | null
}

/** What the engine stores of the client of a start. */
export type Client = Pick<SessionRequest, 'origin' | 'address' | 'client'>

/** A frame that a live session answers. */
export type RequestFrame = ClientFrameOf<
  'token' | 'profile' | 'send' | 'history' | 'read' | 'peers' | 'signal' | 'watch' | 'push'
>

/** Answers a frame with `refused`. A `retryAfter` is in milliseconds. Returns undefined, which says that nothing is left to do. */
export type Refuse = (re: RequestFrame, ...refusal: RefusalParts) => undefined

/** A live session, for the functions that answer its client's frames. */
export interface FrameScope {
  readonly context: SessionContext
  readonly app: App
  readonly user: SessionRef
  readonly epoch: string
  /** The origin of the client's page; null for a client that is not a browser. */
  readonly origin: string | null
  /** The app's key as `started` has told it to the client, which a reload may have changed since; undefined if it told none. */
  readonly pushKey: string | undefined
  readonly connection: ConnectionHandle
  readonly limits: UserLimits
  readonly delivery: Delivery
  readonly renewals: Renewals
  /** Returns the `sender` of the session's messages; undefined if they carry the stored profile of the user. */
  readonly sender: () => Message['sender'] | undefined
  /** Called with what a frame of the client says about the user, and with the user's record after it. */
  readonly say: (said: Said, user: UserRecord) => void
  readonly refuse: Refuse
}
