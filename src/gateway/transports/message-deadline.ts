import type { Connection } from '../connection/connection.js'

/** Ends a connection whose client begins a message and does not finish it in time. */
export class MessageDeadline {
  readonly #connection: Connection
  readonly #timeout: number
  #timer: NodeJS.Timeout | undefined
  /** Bytes of an unfinished message. */
  #pending = 0
  /** Whether the latest chunk finished a message. */
  #isFinished = false

  constructor(connection: Connection, timeout: number) {
    this.#connection = connection
    this.#timeout = timeout
  }

  onMessage(): void {
    this.#isFinished = true
  }

  /** A ping or a pong of the WebSocket protocol may come before, between and after the fragments of a message. */
  onControl(bytes: number): void {
    this.#pending -= bytes
  }

  /** Called after ws has parsed a chunk. */
  onChunk(bytes: number): void {
    this.#pending = this.#isFinished ? 0 : this.#pending + bytes
    this.#isFinished = false
    if (this.#pending <= 0) this.cancel()
    else
      this.#timer ??= setTimeout(
        () => this.#connection.end('timeout', 'A message was not finished in time.'),
        this.#timeout,
      ).unref()
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
