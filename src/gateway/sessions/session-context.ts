import type { Engine, SessionRequest } from '../../engine/index.js'
import type { ClientFrameOf } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import type { Log } from '../log.js'
import type { RefusalParts } from '../messages/client-sends.js'
import type { KnownProfiles } from '../messages/known-profiles.js'
import type { MessageTurns } from '../messages/message-turns.js'
import type { SendAuthorizer } from '../messages/send-authorizer.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Tracing } from '../tracing/tracing.js'
import type { Activity } from './activity.js'
import type { Watchers } from './presence/watchers.js'

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
