import { EngineError } from '../../errors.js'

/** How many changes are made at once. */
const AT_ONCE = 100

/**
 * Detaches and ends sessions whose connections are gone. If Redis is away, it makes these changes when Redis is back, because no client
 * repeats them, and a session that stays attached would never end. A change names its connection, so that a late change does nothing to a
 * session that another connection carries.
 */
export class Departures {
  readonly #pending = new Set<() => Promise<boolean>>()

  /** Makes a change. If it rejects, the change stays pending, and this rejects too. */
  async run(change: () => Promise<boolean>): Promise<boolean> {
    try {
      return await change()
    } catch (error) {
      if (error instanceof EngineError && error.code === 'unavailable') this.#pending.add(change)
      throw error
    }
  }

  /** Makes the pending changes, `AT_ONCE` at a time. If Redis is away again, this rejects, and the rest stays pending. */
  async retry(): Promise<void> {
    while (this.#pending.size > 0) {
      const step = [...this.#pending].slice(0, AT_ONCE)
      await Promise.all(
        step.map(async (change) => {
          await change()
          this.#pending.delete(change)
        }),
      )
    }
  }
}
