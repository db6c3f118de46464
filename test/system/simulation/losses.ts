import type { History } from './shared-redis.js'
import type { Owner } from './timers.js'

/** Milliseconds in which gateways do again what a new history lacks. */
const REPAIR = 8_000

/** What docs/GUARANTEES.md and docs/SCALING.md let a failover cost that began another generation of epochs. All times are by `Date.now`. */
export class Losses {
  readonly #histories: readonly History[]
  readonly #isCluster: boolean

  constructor(histories: readonly History[], isCluster = false) {
    this.#isCluster = isCluster
    // A replica may be promoted before the gateways have repaired what it lacks. Then its copy lacks that, too.
    this.#histories = histories.map((history, index) => {
      const before = histories.slice(0, index).filter(({ at }) => at > history.copiedAt - REPAIR)
      return { ...history, copiedAt: Math.min(history.copiedAt, ...before.map(({ copiedAt }) => copiedAt)) }
    })
  }

  /** Whether inboxes may have begun another epoch. */
  get any(): boolean {
    return this.#histories.length > 0
  }

  /** What was stored then may be stored again, at another offset. */
  mayMove(storedAt: number): boolean {
    return this.#histories.some(({ copiedAt, at }) => storedAt >= copiedAt && storedAt <= at)
  }

  /** What was acknowledged then is lost if the gateway that knows it was lost, too, before it could store it again. */
  mayLack(storedAt: number, gateway: Owner | undefined): boolean {
    const { endedAt = Infinity, goesOnAt = 0 } = gateway ?? {}
    return this.#histories.some(
      ({ copiedAt, at }) =>
        storedAt >= copiedAt && storedAt <= at && endedAt <= Math.max(at, goesOnAt) + REPAIR,
    )
  }

  /** Two gateways that store messages of a page again in another epoch do so at the same time. */
  mayCross(...of: { sentAt: number; gateway: Owner | undefined }[]): boolean {
    return (
      new Set(of.map(({ gateway }) => gateway)).size > 1 && of.every(({ sentAt }) => this.mayMove(sentAt))
    )
  }

  /**
   * In a cluster one of a message's two inboxes may have lost it, if the gateway that knows it was lost, too. Which gateway has stored a
   * message that was not acknowledged is not known.
   */
  mayPart(sentAt: number, isAcknowledged: boolean, gateway: Owner | undefined): boolean {
    return this.#isCluster && (isAcknowledged ? this.mayLack(sentAt, gateway) : this.mayMove(sentAt))
  }

  /** What a client set at one time, and was told at another that it is stored, may be of an earlier epoch. */
  mayForget(setAt: number, takenAt: number): boolean {
    return this.#histories.some(({ copiedAt, at }) => setAt <= at && takenAt >= copiedAt)
  }
}
