import { EngineError } from './errors.js'

/** One opening of an engine. It begins when it is made, and ends with `close`. */
export interface Opening<T> {
  /** Resolves with what calls use. Rejects if the engine can't be opened. */
  readonly ready: Promise<T>
  /** The value of `ready` once it has resolved. */
  readonly opened: T | undefined
  close(): Promise<void>
}

/** Opens and closes an engine. Each opening begins when the one before has closed, and calls wait until it is ready. */
export class Lifecycle<T, Current extends Opening<T>> {
  readonly #begin: (previous: Promise<void>) => Current
  #current: Current | undefined
  #closing: Promise<void> = Promise.resolve()

  /** `begin` makes an opening that waits for `previous`, which settles when the one before has closed. */
  constructor(begin: (previous: Promise<void>) => Current) {
    this.#begin = begin
  }

  /** The present opening; undefined while the engine is closed. */
  get current(): Current | undefined {
    return this.#current
  }

  async open(): Promise<void> {
    const opening = (this.#current ??= this.#begin(this.#closing))
    try {
      await opening.ready
    } catch (error) {
      if (this.#current === opening) this.#current = undefined
      throw error
    }
  }

  close(): Promise<void> {
    if (this.#current) this.#closing = this.#current.close()
    this.#current = undefined
    return this.#closing
  }

  /** Runs `work` synchronously if the engine is open, so that calls take effect in their order. */
  use<R>(work: (opened: T) => R | Promise<R>): Promise<R> {
    const opened = this.#current?.opened
    if (!opened) return this.#useWhenReady(work)
    // This is no async function, because an async function would pass on the promise of `work` three microtasks later.
    try {
      const result = work(opened)
      return result instanceof Promise ? result : Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #useWhenReady<R>(work: (opened: T) => R | Promise<R>): Promise<R> {
    if (!this.#current) throw new EngineError('unavailable', 'The engine is not open: call open() first.')
    return work(await this.#current.ready)
  }
}
