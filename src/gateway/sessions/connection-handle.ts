import type { GatewayFrame, EndCode } from '../../protocol/index.js'

/** The pings of a connection. */
export interface Pings {
  /** Sends a `ping` and returns its number. */
  ping(): number
  /** Returns whether the client has answered this ping, and so has received every frame that was sent before the ping. */
  hasAnswered(ping: number): boolean
  /** Returns whether the client has ever sent a `pong`. */
  answersPings(): boolean
}

/** The part of a connection that its session uses. */
export interface ConnectionHandle {
  /** The connection's id, which is unique among all gateways. */
  readonly connectionId: string
  send(frame: GatewayFrame): void
  /** Sends a frame's JSON. */
  sendText(json: string): void
  /** Returns whether the client reads more slowly than frames are written. */
  isFull(): boolean
  /** Resolves when no frame waits for the client any more, or when the connection is closed. */
  drained(): Promise<void>
  /**
   * Sends `ended` with this code and closes the connection. If the code lets the client reconnect, the client waits `retryAfter`
   * milliseconds first.
   */
  end(code: EndCode, why?: string, retryAfter?: number): void
  readonly heartbeat: Pings
  /** Ends only this connection, because of an error. */
  fail(error: unknown): void
  /** Ends only this connection if `work` rejects. */
  endOnError(work: Promise<unknown>): void
  /**
   * If `work` rejects with an error of the engine, counts the error and calls `prepareRetry`. The connection stays open. Any other error
   * ends the connection. Resolves when `work` has ended.
   */
  surviveEngineError(work: Promise<unknown>, prepareRetry?: () => void): Promise<void>
}
