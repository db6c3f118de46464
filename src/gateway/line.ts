import type { EndCode, GatewayFrame } from '../protocol/index.js'

/** The far end of one WebSocket. */
export interface Wire {
  send(text: string): void
  /** Whether the client reads more slowly than it is written to: what can wait had better wait for `drained`. */
  readonly isFull: boolean
  /** Resolves when all that was written is on its way, or never will be. */
  drained(): Promise<void>
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
}

/** What a session says goes out through its connection. */
export interface Line extends Pick<Wire, 'drained'> {
  /** Names the connection; unique. */
  readonly connectionId: string
  readonly isFull: boolean
  send(frame: GatewayFrame): void
  end(code: EndCode, why?: string): void
  /** Runs work that may fail: the failure ends this connection and no other. */
  attempt(work: Promise<unknown>): void
}
