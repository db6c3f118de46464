import { RecentList } from '../../../util/recent-list.js'
import type { RecentCall } from '../step-runner.js'

/** For how many beats (`Leases`), a second apart, calls are kept, and how many may be kept. */
const KEPT_FOR = 30
const MAX_CALLS = 100_000

/** The calls of the last seconds whose changes a failover may lose. This node makes these changes again, in their order. */
export class RecentCalls {
  readonly #noted = new RecentList<RecentCall>({ keptFor: KEPT_FOR, maxBytes: MAX_CALLS })

  note(call: RecentCall): void {
    this.#noted.note(call, 1)
  }

  /** Must be called after each beat that Redis has answered. */
  beat(): void {
    this.#noted.beat()
  }

  /**
   * Repeats the calls that were made since `times` says for their server, by the monotonic clock: those that name an epoch, or the others.
   * Rejects at the end if one has failed.
   */
  async repeat(times: ReadonlyMap<number, number>, namesEpoch: boolean): Promise<void> {
    const errors: unknown[] = []
    for (const call of this.#noted.since(Math.min(...times.values())))
      if (call.namesEpoch === namesEpoch && times.has(call.server))
        await call.repeat().catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }
}
