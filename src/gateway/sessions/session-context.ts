import type { Position, SessionRequest } from '../../engine/index.js'
import type { Resumption } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import type { Activity } from './activity.js'
import type { MessagingContext } from './messages/messaging.js'

/** The parts of a gateway that its sessions use. */
export interface SessionContext extends MessagingContext {
  settings: Pick<Settings, 'pingInterval' | 'sendWindow' | 'resumeWindow'>
  /** Returns the milliseconds over which clients reconnect if the gateway is lost. */
  reconnectWindow(): number
  /** The name of this gateway, which the engine stores with each session. */
  node: string
  /** Null if the gateway has no admin listener. */
  activity: Activity | null
}

/** The fields of a start that do not prove who the user is. */
export interface StartFields {
  resume: Resumption | undefined
  /** The position after which the client's messages begin. If `since` is undefined, they begin after the position in `resume`. */
  since: Position | undefined
  /** The token of a guest whom the user adopts. */
  adopt: string | undefined
  hidden: boolean
  client: Pick<SessionRequest, 'origin' | 'address' | 'client'>
}
