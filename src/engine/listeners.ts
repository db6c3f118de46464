import type { AdmissionRefusal, EngineEvent, SavedUser } from './engine.js'

interface Entry {
  listener: (event: EngineEvent) => void
  signal: AbortSignal
}

/** Calls listeners with events. If a listener throws, `onError` gets the error, and the other listeners are still called. */
export class Listeners {
  /** The listeners. Each change makes a new list, so that a listener which is added during an event does not receive that event. */
  #entries: readonly Entry[] = []
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Calls `listener` with every event from now on, until `signal` aborts. */
  add(listener: (event: EngineEvent) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    const entry = { listener, signal }
    this.#entries = [...this.#entries, entry]
    const remove = (): void => {
      this.#entries = this.#entries.filter((other) => other !== entry)
    }
    signal.addEventListener('abort', remove, { once: true })
  }

  emit(event: EngineEvent): void {
    for (const { listener, signal } of this.#entries) {
      if (signal.aborted) continue
      try {
        listener(event)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  /** Emits `user-changed` if a save has changed the profile of an existing user. Returns the result of the save. */
  emitSaved<Saved extends SavedUser | AdmissionRefusal | null>(saved: Saved): Saved {
    if (saved !== null && typeof saved === 'object' && saved.changed && !saved.created)
      this.emit({ type: 'user-changed', user: structuredClone(saved.user) })
    return saved
  }
}
