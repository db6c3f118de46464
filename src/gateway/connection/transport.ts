/** Carries the frames of a connection: a WebSocket or a stream, on Node or Bun. The folder `transports` has the implementations. */
export interface Transport {
  /** The kind, for the metrics. */
  readonly kind: 'websocket' | 'stream'
  /** Sends a text frame. The frames of one turn of the event loop may leave in one write. */
  send(text: string): void
  /**
   * Called when the next frame follows within milliseconds. If the answer to the handshake is not sent yet, the answer may wait for that
   * frame. On Bun the answer can't wait.
   */
  expectFrame?(): void
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
  /** Stops reading from the socket, so that the client can't send more than the buffers take. Frames that were read before still arrive. */
  pause(): void
  /** Reads from the socket again. */
  resume(): void
  /** Returns whether the client reads more slowly than frames are written. Frames that can wait should wait for `drained()`. */
  isFull(): boolean
  /** Resolves when no frame waits for the client any more, or when the socket is closed. */
  drained(): Promise<void>
}
