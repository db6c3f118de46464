import type { ClientFrame } from '../../protocol/index.js'
import type { Input, SocketPhase } from '../machine/state.js'

type WithoutAttempt<I> = I extends { attempt: number } ? Omit<I, 'attempt'> : never

/** Is called with the events of one attempt, as inputs of the machine. */
export type TransportListener = (input: WithoutAttempt<Input>) => void

/** A WebSocket, or what does as one. */
export type SessionSocket = WebSocket & {
  /** Called with when the attempt is given up: never while it waits for its turn. */
  ondeadline?: ((until: number) => void) | null
}

/**
 * Opens a WebSocket, or what does as one. `former` is the attempt's WebSocket, which it takes over with its handlers; `phase` is what the
 * session knows of it.
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
   * Sends `end` as soon as the socket opens, then closes it: the start in its handshake began a session at the gateway. Gives
   * up after five seconds, and at `pagehide`.
   */
  endAfterOpen(): Promise<void>
  /** The attempt has brought nothing yet: what `open` makes takes its WebSocket over. */
  race(open: OpenSocket, phase: SocketPhase): void
}
