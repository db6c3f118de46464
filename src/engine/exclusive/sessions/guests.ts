import type { UserRef } from '../../engine.js'
import type { Job } from '../../../util/scheduler.js'
import { engineRules } from '../../rules.js'
import type { Core } from '../store/core.js'
import { rows } from '../store/rows.js'
import type { Operation } from '../store/store.js'
import type { Users } from './users.js'

const GUESTS_PER_STEP = 200

interface GuestsOptions extends Core {
  users: Users
  /** Returns whether the guest has a session or a message. Such a guest is kept. */
  isInUse: (of: UserRef) => boolean
  /** Deletes the guest and its inbox. Returns the operations that store this. */
  deleteAll: (of: UserRef) => Operation[]
}

/**
 * Deletes guests who have neither a session nor messages. Otherwise clients that start sessions without credentials could fill the store
 * with users.
 */
export class Guests {
  readonly #options: GuestsOptions
  /** The guests whose session has not started, by row, and until when they are kept. The first one's time is over first. */
  readonly #starting = new Map<string, { of: UserRef; until: number }>()
  /** Deletes guests whose session has not started in time. */
  readonly #job: Job

  constructor(options: GuestsOptions) {
    this.#options = options
    this.#job = options.scheduler.job((now) => {
      for (const { of, until } of this.#starting.values()) {
        if (until > now) return Promise.resolve(until)
        this.deleteIfUnused(of)
      }
      return Promise.resolve(Infinity)
    })
  }

  /** Deletes, in the background, the guests that a crash has left without a session. Called after the sessions are loaded. */
  sweep(): void {
    const { reads, commit, clock, scheduler } = this.#options
    let after: string | undefined
    const job = scheduler.job(async () => {
      const found = await reads.all<number>({ ...rows.guestsAfter(after), limit: GUESTS_PER_STEP })
      for (const [row] of found) {
        this.deleteIfUnused(rows.guestOf(row))
        after = row
      }
      await commit.flush()
      return found.length < GUESTS_PER_STEP ? Infinity : clock.now()
    })
    scheduler.schedule(job, clock.now())
  }

  /** Keeps the guest until `started` is called, for `engineRules.guestStartTimeout` at most. */
  expectStart({ appId, userId }: UserRef): void {
    const { clock, scheduler } = this.#options
    const of = { appId, userId }
    const until = clock.now() + engineRules.guestStartTimeout
    this.started(of)
    this.#starting.set(rows.guest(of), { of, until })
    scheduler.schedule(this.#job, until)
  }

  /** Called when the guest's session has started. From then on only sessions and messages keep the guest. */
  started(of: UserRef): void {
    this.#starting.delete(rows.guest(of))
  }

  /** Deletes the user if it is a guest without a session and without messages. */
  deleteIfUnused({ appId, userId }: UserRef): void {
    const { commit, users, clock, isInUse, deleteAll, onError } = this.#options
    const of = { appId, userId }
    const row = rows.guest(of)
    if ((this.#starting.get(row)?.until ?? 0) > clock.now()) return
    this.#starting.delete(row)
    if (!commit.isWritable) return
    try {
      if (!isInUse(of) && users.guest(of)) commit.append(deleteAll(of))
    } catch (error) {
      // The store can't be read. The guest stays until the next opening.
      onError(error)
    }
  }
}
