import { EngineError } from '../../errors.js'

/** How many changes are made at once. */
const AT_ONCE = 100

/**
 * Detaches and ends sessions whose connections are gone. If Redis is away, these changes are made when Redis is back: no call of a client
 * repeats them, and a session that stays attached would never end. A change names its connection, so that a late change does nothing to a
 * session that another connection carries.
 */
export class Departures {
  readonly #pending = new Set<() => Promise<boolean>>()

  /** Rejects as `change` does, which is then pending. */
  async run(change: () => Promise<boolean>): Promise<boolean> {
    try {
      return await change()
    } catch (error) {
      if (error instanceof EngineError && error.code === 'unavailable') this.#pending.add(change)
      throw error
    }
  }

  /** Makes the pending changes, some at a time. If Redis is away again, it rejects, and the rest stays pending. */
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
