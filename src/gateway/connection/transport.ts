/** What carries a connection's frames. Each kind of server in transports/ implements it. */
export interface Transport {
  /** The metrics show it. */
  readonly kind: 'websocket' | 'stream'
  /** Sends a text frame. The frames of one turn may leave in one write. */
  send(text: string): void
  /** Says that the next frame follows within milliseconds: an unsent answer to the handshake may wait for it. On Bun it can't wait. */
  expectFrame?(): void
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
  /** Stops reading from the socket, so that the client can't send more than fits into buffers. Frames that were read already still come. */
  pause(): void
  /** Reads from the socket again. */
  resume(): void
  /** Returns whether the client reads more slowly than frames are written. Frames that can wait should wait for `drained()`. */
  isFull(): boolean
  /** Resolves when no frame waits for the client any more, or when the socket is closed. */
  drained(): Promise<void>
}
