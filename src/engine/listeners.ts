import type { EngineEvent } from './engine.js'

interface Entry {
  listener: (told: EngineEvent) => void
  signal: AbortSignal
}

/** Who is told of signals. One that throws is reported, and the others are told all the same. */
export class Listeners {
  readonly #entries = new Set<Entry>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  add(listener: (told: EngineEvent) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    const entry = { listener, signal }
    this.#entries.add(entry)
    signal.addEventListener('abort', () => this.#entries.delete(entry), { once: true })
  }

  emit(told: EngineEvent): void {
    // A copy: a listener that comes while this is told hears what is told from then on.
    for (const { listener, signal } of [...this.#entries]) {
      if (signal.aborted) continue
      try {
        listener(told)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
