import type { EngineEvent } from './engine.js'

interface Entry {
  listener: (event: EngineEvent) => void
  signal: AbortSignal
}

/** Calls listeners with events. If a listener throws, `onError` is called with the error, and the others are called all the same. */
export class Listeners {
  readonly #entries = new Set<Entry>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Calls `listener` with every event from now on, until `signal` aborts. */
  add(listener: (event: EngineEvent) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    const entry = { listener, signal }
    this.#entries.add(entry)
    signal.addEventListener('abort', () => this.#entries.delete(entry), { once: true })
  }

  emit(event: EngineEvent): void {
    // A copy, so that a listener which is added during this event does not receive it.
    for (const { listener, signal } of [...this.#entries]) {
      if (signal.aborted) continue
      try {
        listener(event)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
