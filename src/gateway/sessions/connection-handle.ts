import type { EndCode, GatewayFrame } from '../../protocol/index.js'

/** The far end of one WebSocket. */
export interface Wire {
  send(text: string): void
  /** Whether the client reads more slowly than it is written to: what can wait had better wait for `drained`. */
  isFull(): boolean
  /** Resolves when all that was written is on its way, or never will be. */
  drained(): Promise<void>
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
}

/** What a session says goes out through its connection. */
export interface Line extends Pick<Wire, 'isFull' | 'drained'> {
  /** Names the connection; unique. */
  readonly connectionId: string
  send(frame: GatewayFrame): void
  end(code: EndCode, why?: string): void
  /** Asks for a `pong`; answers the number of the ping. */
  ping(): number
  /** Whether the client has answered that ping, and so has heard all that was said before it. */
  hasAnswered(ping: number): boolean
  /** Whether the client has ever said `pong`. */
  answersPings(): boolean
  /** Runs work that may fail: the failure ends this connection and no other. */
  attempt(work: Promise<unknown>): void
}
