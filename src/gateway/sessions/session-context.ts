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
  /** The id of this gateway, which the engine keeps with each session. */
  node: string
  /** Null if the gateway has no admin listener to show it on. */
  activity: Activity | null
}

/** The fields of a start that do not prove who the user is. */
export interface StartFields {
  resume: Resumption | undefined
  /** Where the client's messages begin. If it is undefined, they begin where `resume` says. */
  since: Position | undefined
  /** The token of a guest whom the user adopts. */
  adopt: string | undefined
  hidden: boolean
  client: Pick<SessionRequest, 'origin' | 'address' | 'client'>
}
