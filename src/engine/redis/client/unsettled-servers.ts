import { setTimeout as pause } from 'node:timers/promises'
import { isUnsettled } from './failures.js'

/** How often, in milliseconds, a server with an unsettled history is asked, and for how long. */
const PAUSE = 25
const PATIENCE = 8_000

/** The servers whose history is unsettled (`scripts/state/history.ts`). Steps that need a settled history wait for it. */
export class UnsettledServers {
  readonly #ask: (server: number) => Promise<unknown>
  readonly #onUnsettled: (server: number) => void
  readonly #waiting = new Map<number, Promise<void>>()

  /**
   * `ask` fails with UNSETTLED while the history is unsettled. `onUnsettled` is called when steps begin to wait for a server. In a cluster
   * each partition counts as a server. Without a cluster partition 0 stands for the server.
   */
  constructor(ask: (server: number) => Promise<unknown>, onUnsettled: (server: number) => void) {
    this.#ask = ask
    this.#onUnsettled = onUnsettled
  }

  /** Resolves when the history of a server is settled. All steps that wait for it share one question. */
  untilSettled(server: number): Promise<void> {
    const known = this.#waiting.get(server)
    if (known) return known
    const waiting = this.#askUntilSettled(server).finally(() => this.#waiting.delete(server))
    this.#waiting.set(server, waiting)
    this.#onUnsettled(server)
    return waiting
  }

  async #askUntilSettled(server: number): Promise<void> {
    for (const until = performance.now() + PATIENCE; ; await pause(PAUSE))
      try {
        await this.#ask(server)
        return
      } catch (error) {
        if (!isUnsettled(error) || performance.now() > until) throw error
      }
  }
}
