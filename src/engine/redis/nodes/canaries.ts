import { EngineError } from '../../errors.js'

/** Milliseconds within which a published canary must arrive at this node. */
const TIMEOUT = 2_000

/**
 * Canaries are texts that this node publishes to itself. If one does not arrive, the node's subscription does not work, although Redis
 * answers commands.
 */
export class Canaries {
  readonly #arrivals = new Map<string, () => void>()

  /** Resolves when the canary arrives. Rejects with `unavailable` if that takes too long. */
  expect(canary: string): Promise<void> {
    const arrival = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new EngineError('unavailable', 'Redis publishes nothing to this gateway.')),
        TIMEOUT,
      ).unref()
      this.#arrivals.set(canary, () => {
        clearTimeout(timer)
        resolve()
      })
    })
    // If the caller fails before it awaits the arrival, Node would report a rejection as unhandled without this handler.
    arrival.catch(() => undefined)
    return arrival
  }

  arrive(canary: string): void {
    this.#arrivals.get(canary)?.()
  }

  forget(canary: string): void {
    this.#arrivals.delete(canary)
  }
}
