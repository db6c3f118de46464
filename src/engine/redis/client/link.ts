import type { ServerConnection, ConnectionEvents } from './server-connection.js'
import { ConnectionFailure } from './failures.js'
import type { Address } from './options.js'

export type Connect = (address: Address, events: ConnectionEvents) => ServerConnection

/** How many checks pass before the next attempt to connect: after one failure, after two failures in a row, and so on. */
const PAUSES = [1, 1, 2, 4, 8]

/**
 * Makes a connection to a server when one is needed, and keeps at most one. During the pause after a failed attempt calls fail at once, so
 * that they don't pile up while a server is away. ioredis would keep them in its offline queue.
 */
export class Link {
  readonly address: Address
  readonly #connect: Connect
  readonly #events: ConnectionEvents
  #connection: ServerConnection | undefined
  #failures = 0
  #pause = 0
  #lastError: unknown

  constructor(address: Address, connect: Connect, events: ConnectionEvents) {
    this.address = address
    this.#connect = connect
    this.#events = events
  }

  /** The connection if commands can be sent on it. */
  get open(): ServerConnection | undefined {
    return this.#connection?.isOpen ? this.#connection : undefined
  }

  /** Resolves with an open connection. Rejects with a `ConnectionFailure`, at once during the pause after a failed attempt. */
  async connection(): Promise<ServerConnection> {
    if (this.#pause > 0)
      throw new ConnectionFailure(
        this.#lastError instanceof Error ? this.#lastError.message : 'no connection',
        {
          isPausing: true,
          cause: this.#lastError,
        },
      )
    this.#connection ??= this.#make()
    return this.#connection.opened
  }

  /** Must be called at regular intervals. Finds dead connections, and ends the pause after a failed attempt. */
  check(): void {
    if (this.#pause > 0) this.#pause -= 1
    this.#connection?.check()
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  #make(): ServerConnection {
    const made = this.#connect(this.address, {
      ...this.#events,
      onClose: () => {
        if (this.#connection !== made) return
        this.#connection = undefined
        this.#events.onClose()
      },
    })
    made.opened.then(
      () => (this.#failures = 0),
      (error: unknown) => {
        this.#lastError = error
        this.#pause = PAUSES[Math.min(this.#failures, PAUSES.length - 1)] ?? 1
        this.#failures += 1
        if (this.#connection === made) this.#connection = undefined
      },
    )
    return made
  }
}
