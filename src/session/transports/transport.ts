import type { ClientFrame, GatewayFrame } from '../../protocol/index.js'

/** Is called with the events of one attempt. */
export interface TransportListener {
  opened(): void
  frame(frame: GatewayFrame): void
  /** A frame arrived that is not of this protocol. */
  malformed(): void
  closed(code: number): void
}

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
}
