import type { ClientFrame } from '../../protocol/index.js'
import type { Input, SocketPhase } from '../machine/state.js'

/** Is called with the events of one attempt, as inputs of the state machine (machine/step.ts). */
export type TransportListener = (
  input: Extract<Input, { type: 'opened' | 'deadline' | 'frame' | 'closed' | 'fatal' }>,
) => void

/** A WebSocket, or an object with the same methods. */
export type SessionSocket = WebSocket & {
  /**
   * Is called with the time at which the attempt is given up: Infinity while the attempt waits for other tabs, which use all connections.
   */
  ondeadline?: ((until: number) => void) | null
}

/**
 * Opens a socket. `former` is the attempt's WebSocket, if it has one: the new socket takes it over with its handlers. `phase` is the phase
 * of `former` in the session's state.
 */
export type OpenSocket = (
  url: string,
  protocols: string[],
  former?: SessionSocket,
  phase?: SocketPhase,
) => SessionSocket

/** One attempt at a connection. */
export interface Transport {
  send(frame: ClientFrame): void
  /** Closes the socket, and resolves when it is closed. The listener is not called any more. @default code 1000 */
  close(code?: number): Promise<void>
  /**
   * Sends `end` as soon as the socket opens, because the start in the handshake may have begun a session. Then closes the socket. Waits at
   * most five seconds, and not beyond `pagehide`.
   */
  endAfterOpen(): Promise<void>
  /** Hands the attempt to the race. `open` (stream/create-race.ts) takes over its WebSocket. Called while no frame has arrived. */
  race(open: OpenSocket, phase: SocketPhase): void
}
