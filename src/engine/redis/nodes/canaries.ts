import { EngineError } from '../../errors.js'

/** Milliseconds within which a published canary must arrive at this node. */
const TIMEOUT = 2_000

/**
 * Canaries are texts that this node publishes to itself. They find a subscription that receives nothing although Redis answers commands.
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
    // The caller may fail before it awaits the arrival.
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
