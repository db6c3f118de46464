import type { GatewayFrame, EndCode } from '../../protocol/index.js'

/** A connection as its session sees it. */
export interface ConnectionHandle {
  /** Names the connection; unique among all gateways. */
  readonly connectionId: string
  send(frame: GatewayFrame): void
  /** Sends a frame that is JSON already. */
  sendText(json: string): void
  /** Returns whether the client reads more slowly than frames are written. */
  isFull(): boolean
  /** Resolves when no frame waits for the client any more, or when the connection is closed. */
  drained(): Promise<void>
  /** Sends `ended` with this code and closes the connection. The client reconnects after `retryAfter` milliseconds, if it may. */
  end(code: EndCode, why?: string, retryAfter?: number): void
  /** Sends a `ping` and returns its number. */
  ping(): number
  /** Returns whether the client has answered that ping, so that it has received every frame sent before it. */
  hasAnswered(ping: number): boolean
  /** Returns whether the client has ever sent a `pong`. */
  answersPings(): boolean
  /** Ends this connection, and no other, because of an error. */
  fail(error: unknown): void
  /** Ends this connection, and no other, if `work` rejects. */
  endOnError(work: Promise<unknown>): void
}
