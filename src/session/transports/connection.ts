import type { ClientFrame, ClientFrameOf, GatewayFrame } from '../../protocol/index.js'
import type { Fault, SessionInfo } from '../machine/state.js'
import type { WebSocketClass } from '../websocket-class.js'

export type StartFrame = ClientFrameOf<'start'>

/** What happens to a connection. After `closed` and `fatal` nothing follows. */
export type ConnectionEvent =
  /** The connection takes frames. */
  | { type: 'opened' }
  /** A stream waits until another tab gives up its connection to the gateway. */
  | { type: 'queued' }
  /** The stream's turn has come. */
  | { type: 'served' }
  /** If a stream carries the session in a race, `started` has the field `transport`. */
  | { type: 'frame'; frame: GatewayFrame | SessionInfo }
  /** The connection was closed, or it could not be opened. */
  | { type: 'closed'; code: number }
  /** The attempt failed, and every further attempt would fail in the same way. */
  | { type: 'fatal'; fault: Fault }

export type ConnectionListener = (event: ConnectionEvent) => void

/** A connection to the gateway: a WebSocket, a stream, or a race of both. */
export interface Connection {
  /** Called with the events, but never before the function that made the connection has returned. May be replaced. */
  listener: ConnectionListener
  /** Sends a frame. A connection that is neither opening nor open drops it. */
  send(frame: ClientFrame): void
  /** Closes the connection, and resolves when it is closed. The listener is not called any more. @default code 1000 */
  close(code?: number): Promise<void>
}

/** The options of a session that say where and how it connects. */
export interface ConnectionOptions {
  endpoint: string | URL
  transports?: readonly string[] | string | null | undefined
  sleep?: boolean | null | undefined
  WebSocket?: WebSocketClass | undefined
}

/** The close code of a connection that was lost without a close frame (RFC 6455, 7.1.5). */
export const LOST = 1006
