/** Gets the events of one connection in a race. */
export interface LaneListener {
  opened(): void
  /** A frame's JSON. */
  text(json: string): void
  closed(code: number): void
}

/** One of the two connections in a race (race.ts): a WebSocket or a stream. */
export interface Lane {
  /** Sends a frame's JSON if the connection is open. */
  send(json: string): void
  /** Closes the connection, and resolves when it is closed. The listener is not called any more. */
  close(code?: number): Promise<void>
}

/** The close code of a connection that was lost without a close frame (RFC 6455, 7.1.5). */
export const LOST = 1006
