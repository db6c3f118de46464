import type { EndCode, GatewayFrame } from '../../protocol/index.js'

/** A connection as its session sees it. */
export interface ConnectionHandle {
  /** Names the connection; unique. */
  readonly connectionId: string
  send(frame: GatewayFrame): void
  /** Whether the client reads more slowly than frames are written. */
  isFull(): boolean
  /** Resolves when no frame waits for the client any more, or when the connection is closed. */
  drained(): Promise<void>
  end(code: EndCode, why?: string): void
  /** Asks for a `pong`; answers the number of the ping. */
  ping(): number
  /** Whether the client has answered that ping, and so has heard all that was said before it. */
  hasAnswered(ping: number): boolean
  /** Whether the client has ever said `pong`. */
  answersPings(): boolean
  /** Runs work that may fail: the failure ends this connection and no other. */
  endOnError(work: Promise<unknown>): void
}
