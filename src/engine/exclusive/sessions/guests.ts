import type { UserRef } from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { Deadlines } from '../../../util/deadlines.js'
import { Scheduler } from '../../../util/scheduler.js'
import { engineRules } from '../../rules.js'
import type { GroupCommit } from '../store/group-commit.js'
import { rows } from '../store/rows.js'
import { readAll, type Operation, type Store } from '../store/store.js'
import type { Users } from './users.js'

const GUESTS_PER_STEP = 200

interface GuestsOptions {
  store: Store
  commit: GroupCommit
  users: Users
  clock: Clock
  /** Returns whether the guest has a session or a message. Such a guest is kept. */
  isInUse: (of: UserRef) => boolean
  /** Deletes the guest and its inbox. Returns the operations that store this. */
  deleteAll: (of: UserRef) => Operation[]
  onError: (error: unknown) => void
}

/**
 * Deletes guests who have neither a session nor messages. Otherwise clients that start sessions without credentials could fill the store
 * with users.
 */
export class Guests {
  readonly #options: GuestsOptions
  readonly #scheduler: Scheduler
  readonly #deadlines: Deadlines<UserRef>
  /** The time until which a guest whose session has not started is kept, by the guest's row. */
  readonly #starting = new Map<string, number>()

  constructor(options: GuestsOptions) {
    const { commit, clock, onError } = options
    this.#options = options
    this.#scheduler = new Scheduler(clock, () => commit.isWritable, onError)
    this.#deadlines = new Deadlines(
      () => clock.now(),
      () => {
        for (const guest of this.#deadlines.takeDue(clock.now())) this.deleteIfUnused(guest)
      },
    )
  }

  /** Deletes, in the background, the guests that a crash has left without a session. Called after the sessions are loaded. */
  sweep(): void {
    const { store, commit, clock } = this.#options
    let after: string | undefined
    const job = this.#scheduler.job(async () => {
      const found = await readAll<number>(store, { ...rows.guestsAfter(after), limit: GUESTS_PER_STEP })
      for (const [row] of found) {
        this.deleteIfUnused(rows.guestOf(row))
        after = row
      }
      await commit.flush()
      return found.length < GUESTS_PER_STEP ? Infinity : clock.now()
    })
    this.#scheduler.schedule(job, clock.now())
  }

  /** Keeps the guest until `started` is called, for `engineRules.guestStartTimeout` at most. */
  expectStart({ appId, userId }: UserRef): void {
    const deadline = this.#options.clock.now() + engineRules.guestStartTimeout
    this.#starting.set(rows.guest({ appId, userId }), deadline)
    this.#deadlines.add(deadline, { appId, userId })
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
    const startsUntil = this.#starting.get(row)
    if (startsUntil !== undefined && startsUntil > clock.now()) return
    this.#starting.delete(row)
    if (!commit.isWritable) return
    try {
      if (!isInUse(of) && users.guest(of)) commit.append(deleteAll(of))
    } catch (error) {
      // The store can't be read. The guest stays until the next opening.
      onError(error)
    }
  }

  async stop(): Promise<void> {
    this.#deadlines.stop()
    await this.#scheduler.stop()
  }
}
