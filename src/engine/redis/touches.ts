import type { SessionRef } from '../engine.js'
import type { OfPartition, Store } from './store.js'

/** How long touches are gathered, in milliseconds. */
const GATHER_TIME = 1_000

interface Touch extends OfPartition {
  readonly args: readonly string[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Stores when sessions were seen last, and their round-trip times. Those of a second are stored by one call: they are most of the calls for
 * idle sessions, and a call of its own takes Redis many times as long.
 */
export class Touches {
  readonly #store: Store
  #waiting: Touch[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Resolves when the touch is stored. */
  add({ appId, userId, sessionId }: SessionRef, connectionId: string, rtt: number): Promise<void> {
    const of = { appId, userId }
    return new Promise((resolve, reject) => {
      const args = [sessionId, connectionId, String(rtt)]
      this.#waiting.push({ of, partition: this.#store.partitions.of(of), args, resolve, reject })
      this.#timer ??= setTimeout(() => this.flush(), GATHER_TIME)
    })
  }

  /** Stores what was gathered. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const touches = this.#waiting
    this.#waiting = []
    const { steps } = this.#store
    for (const batch of this.#store.batches(touches)) {
      const args = batch.users.flatMap((touch) => touch.args)
      this.#store.onBatch(steps.touchSessions, 'sessions', batch, args).then(
        () => batch.users.forEach(({ resolve }) => resolve()),
        (error: unknown) => batch.users.forEach(({ reject }) => reject(error)),
      )
    }
  }
}
