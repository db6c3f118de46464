import { EngineError } from '../../errors.js'

/** How many changes are made at once. */
const AT_ONCE = 100

/**
 * Detaches and ends sessions whose connections are gone. If Redis is away, these changes are made when Redis is back: no client repeats
 * them, and a session that stays attached would never end. A change names its connection, so that a late change does nothing to a
 * session that another connection carries.
 */
export class Departures {
  readonly #pending = new Set<() => Promise<unknown>>()
  readonly #running = new Set<Promise<unknown>>()

  /** Makes a change. If Redis is away, rejects, and the change is pending. */
  async run<T>(change: () => Promise<T>): Promise<T> {
    const running = change()
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      if (error instanceof EngineError && error.code === 'unavailable') this.#pending.add(change)
      throw error
    } finally {
      this.#running.delete(running)
    }
  }

  /**
   * Waits for the changes that run, and then makes each pending change once. Must be called before this node leaves. Rejects as `retry`
   * does.
   */
  async finish(): Promise<void> {
    await Promise.allSettled(this.#running)
    await this.retry()
  }

  /**
   * Makes each pending change once, in groups of `AT_ONCE`. A change that fails stays pending, and does not stop the others. If all changes
   * of a group fail, Redis is away again, and the other groups wait. Rejects with the first error.
   */
  async retry(): Promise<void> {
    const changes = [...this.#pending]
    const errors: unknown[] = []
    for (let n = 0; n < changes.length; n += AT_ONCE) {
      const step = changes.slice(n, n + AT_ONCE)
      let failed = 0
      await Promise.all(
        step.map((change) =>
          change().then(
            () => this.#pending.delete(change),
            (error: unknown) => {
              failed++
              errors.push(error)
              // The failed change goes to the end, so that the next retry begins with the others.
              this.#pending.delete(change)
              this.#pending.add(change)
            },
          ),
        ),
      )
      if (failed === step.length) break
    }
    if (errors.length > 0) throw errors[0]
  }
}
