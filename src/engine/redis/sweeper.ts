import type { Apps } from './apps.js'
import type { Inboxes } from './inboxes.js'
import type { Store } from './store.js'

/** Milliseconds between two sweeps of a partition, if nothing is due earlier. */
const SWEEP_INTERVAL = 1_000
/** How many users a step returns. */
const USERS_PER_STEP = 100
/** A sender's copy is owed for this many milliseconds before another node makes it. */
const COPY_OWED_FOR = 5_000
/** The inboxes of an app are searched for expired messages after this part of the retention's age, within these bounds. */
const AGING_RATIO = 1 / 32
const MIN_AGING_INTERVAL = 1_000
const MAX_AGING_INTERVAL = 3_600_000

export interface SweeperOptions {
  store: Store
  apps: Apps
  inboxes: Inboxes
  /** Whether this node sweeps a partition: each is swept by one of the nodes that live. */
  sweeps: (partition: number) => boolean
  onError: (error: unknown) => void
}

/** Does what is due in partitions: ends holds, deletes guests and expired messages, and looks for unread messages. */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #timers = new Map<number, { timer: NodeJS.Timeout; at: number }>()
  readonly #running = new Set<Promise<void>>()
  /** By app and partition, when inboxes are searched again, by the monotonic clock. */
  readonly #searchAt = new Map<string, Map<number, number>>()
  #isStopped = false

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  start(): void {
    this.#options.store.partitions.tags.forEach((_tag, partition) => {
      // Spread over the interval, so that they don't run all at once.
      this.wake(partition, (SWEEP_INTERVAL * partition) / this.#options.store.partitions.count)
    })
  }

  /** Sweeps the partition in `delay` milliseconds, if no earlier sweep follows. */
  wake(partition: number, delay: number): void {
    if (this.#isStopped || delay >= SWEEP_INTERVAL) return
    const [known, at] = [this.#timers.get(partition), performance.now() + delay]
    if (known && known.at <= at) return
    clearTimeout(known?.timer)
    const timer = setTimeout(() => this.#start(partition), Math.max(1, Math.ceil(delay))).unref()
    this.#timers.set(partition, { timer, at })
  }

  /** The app's messages have another age: the next sweep searches its inboxes. */
  searchInboxes(appId: string): void {
    this.#searchAt.delete(appId)
    this.#options.store.partitions.tags.forEach((_tag, partition) => this.wake(partition, 0))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    await Promise.all(this.#running)
  }

  #start(partition: number): void {
    this.#timers.delete(partition)
    const running = this.#sweep(partition)
      .catch((error: unknown) => {
        this.#options.onError(error)
        return SWEEP_INTERVAL
      })
      .then((delay) => {
        this.#running.delete(running)
        this.wake(partition, Math.min(delay, SWEEP_INTERVAL - 1))
      })
    this.#running.add(running)
  }

  /** Resolves with the delay to the next sweep. */
  async #sweep(partition: number): Promise<number> {
    const { store, inboxes, sweeps } = this.#options
    if (!sweeps(partition)) return SWEEP_INTERVAL
    await this.#expire(partition)
    for (;;) {
      const [owed, next, ...members] = await store.onPartition(store.steps.listDue, partition, [
        String(USERS_PER_STEP),
      ])
      if (Number(owed) > 0) await inboxes.copies.makeOwed(partition, COPY_OWED_FOR)
      await Promise.all(
        members.map((member) => {
          const [appId = '', userId = ''] = String(member).split('\0')
          return store.onUser(store.steps.due, { appId, userId }, [])
        }),
      )
      if (members.length < USERS_PER_STEP || this.#isStopped)
        return Number(next) < 0 ? SWEEP_INTERVAL : Number(next)
    }
  }

  /** Deletes the expired messages of the partition's inboxes. */
  async #expire(partition: number): Promise<void> {
    const { store, apps } = this.#options
    for (const [appId, { age }] of apps.retentions()) {
      const searchAt = this.#searchAt.get(appId) ?? new Map<number, number>()
      this.#searchAt.set(appId, searchAt)
      const now = performance.now()
      if ((searchAt.get(partition) ?? 0) > now) continue
      searchAt.set(
        partition,
        now + Math.min(Math.max(age * AGING_RATIO, MIN_AGING_INTERVAL), MAX_AGING_INTERVAL),
      )
      for (let found = USERS_PER_STEP; found === USERS_PER_STEP && !this.#isStopped;) {
        const userIds = await store.onApp(store.steps.listAging, partition, appId, [
          String(age),
          String(USERS_PER_STEP),
        ])
        found = userIds.length
        const results = await Promise.all(
          userIds.map((userId) =>
            store.onUser(store.steps.expireInbox, { appId, userId: String(userId) }, [String(age)]),
          ),
        )
        // More messages of an inbox have expired than one step deletes.
        if (results.some(([isUnfinished]) => isUnfinished === 1)) found = USERS_PER_STEP
      }
    }
  }
}
