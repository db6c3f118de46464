import { EngineError } from '../errors.js'

/** How many changes are made at once. */
const AT_ONCE = 100

/**
 * Detaches and ends of sessions whose connections are gone. If Redis is away, they are made when it is back: no call of a client follows
 * that would repeat them, and a session that stays attached would never end. A change names its connection, so that a late one does nothing to
 * a session that another connection carries.
 */
export class Departures {
  readonly #owed = new Set<() => Promise<boolean>>()

  /** Rejects as `change` does, which is then owed. */
  async run(change: () => Promise<boolean>): Promise<boolean> {
    try {
      return await change()
    } catch (error) {
      if (error instanceof EngineError && error.code === 'unavailable') this.#owed.add(change)
      throw error
    }
  }

  /** Makes what is owed, in steps. Rejects, with the rest still owed, if Redis is away again. */
  async settle(): Promise<void> {
    while (this.#owed.size > 0) {
      const step = [...this.#owed].slice(0, AT_ONCE)
      await Promise.all(
        step.map(async (change) => {
          await change()
          this.#owed.delete(change)
        }),
      )
    }
  }
}
