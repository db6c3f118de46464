import type { OwnServer } from '../transports/own-server.js'

interface Parts {
  /** Resolves when the gateway is able to serve, so that its server may listen. */
  open(): Promise<unknown>
  createServer(): OwnServer
  /** Called each time that a server listens. */
  onListening(): void
  isClosing(): boolean
  /** Returns the error of a `listen()` whose gateway closes. */
  closedError(): Error
  /** The milliseconds in which the sockets of a server close that nobody needs any more. */
  closeTimeout(): number
}

/** The server of `gateway.listen()`. */
export class OwnListener {
  readonly #parts: Parts
  #listening: Promise<string> | undefined
  #server: OwnServer | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Starts the server once, and resolves with its address. If that fails, the next call tries again. */
  listen(): Promise<string> {
    return (this.#listening ??= this.#start().catch((error: unknown) => {
      this.#listening = undefined
      throw error
    }))
  }

  /** Resolves with the server once it listens; with undefined if `listen()` was not called, or has failed. */
  async server(): Promise<OwnServer | undefined> {
    await this.#listening?.catch(() => undefined)
    return this.#server
  }

  async #start(): Promise<string> {
    const { open, createServer, onListening, isClosing, closedError, closeTimeout } = this.#parts
    await open()
    const server = createServer()
    const address = await server.listen()
    // A `close()` that came meanwhile may still be in its drain, in which `open()` still works.
    if (isClosing()) {
      await server.close(closeTimeout())
      throw closedError()
    }
    this.#server = server
    onListening()
    return address
  }
}
