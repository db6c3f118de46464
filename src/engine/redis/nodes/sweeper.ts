import { Timer } from '../../../util/timer.js'
import { expirySearchInterval } from '../../rules.js'
import type { Apps } from '../apps.js'
import type { SharedAdoptions } from '../messages/shared-adoptions.js'
import type { Leases } from './leases.js'
import type { SharedInboxes } from '../messages/shared-inboxes.js'
import { callId, type StepRunner } from '../step-runner.js'
import type { Returns } from '../steps.js'

/** Milliseconds between two sweeps of a partition. If something is due earlier, the next sweep comes earlier. */
const SWEEP_INTERVAL = 1_000
/** How many partitions a batch has. The batches are swept one after the other, spread over the interval. */
const PARTITIONS_PER_BATCH = 256
/** How many users one step lists. */
const USERS_PER_STEP = 100
/** Milliseconds that an own copy stays pending before a sweep makes it. */
const OWN_COPY_PENDING_FOR = 5_000

export interface SweeperOptions {
  runner: StepRunner
  apps: Apps
  inboxes: SharedInboxes
  adoptions: SharedAdoptions
  leases: Leases
  /** Called if webhook events of an app are due in a partition, and the node that added them does not deliver them. */
  onEventsDue: (appId: string, partition: number) => Promise<void>
  onError: (error: unknown) => void
}

/**
 * Sweeps partitions: does regularly what is due there. A sweep ends sessions that were detached for too long, deletes guests who have left,
 * deletes expired messages, makes the own copies that are pending, moves the messages of adopted guests, reports unread messages, and finds
 * webhook events that no node delivers.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  /** The timers of partitions where something is due before the next sweep. */
  readonly #timers = new Map<number, Timer>()
  /** The sweeps that run, by their list of partitions. */
  readonly #running = new Map<readonly number[], Promise<void>>()
  /** By app: the greatest age of messages, and when the inboxes of each partition are next searched for older ones, by the monotonic clock. */
  readonly #searches = new Map<string, { readonly age: number; readonly at: Map<number, number> }>()
  #interval: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  start(): void {
    const { all } = this.#options.runner.partitions
    const batches = Array.from({ length: Math.ceil(all.length / PARTITIONS_PER_BATCH) }, (_, n) =>
      all.slice(n * PARTITIONS_PER_BATCH, (n + 1) * PARTITIONS_PER_BATCH),
    )
    let next = 0
    this.#interval = setInterval(() => {
      const batch = batches[next++ % batches.length] ?? []
      // If Redis is slow, a sweep may take longer than the interval.
      if (!this.#running.has(batch)) this.#run(batch)
    }, SWEEP_INTERVAL / batches.length).unref()
  }

  /** Sweeps the partition in `delay` milliseconds, unless it is swept earlier anyway. */
  wake(partition: number, delay: number): void {
    if (this.#isStopped || delay >= SWEEP_INTERVAL) return
    const known = this.#timers.get(partition)
    if (known && known.remaining <= delay) return
    known?.cancel()
    const sweep = (): void => {
      this.#timers.delete(partition)
      this.#run([partition])
    }
    this.#timers.set(partition, new Timer(delay, sweep))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#interval)
    for (const timer of this.#timers.values()) timer.cancel()
    await Promise.all(this.#running.values())
  }

  #run(partitions: readonly number[]): void {
    const swept = partitions.filter((partition) => this.#options.leases.sweeps(partition))
    const running = this.#sweep(swept).finally(() => this.#running.delete(partitions))
    this.#running.set(partitions, running)
  }

  /** Sweeps partitions. The next sweep tries again what has failed. Never rejects. */
  async #sweep(partitions: readonly number[]): Promise<void> {
    // A failing server fails in each of its partitions, so equal errors are reported once.
    const failures = new Map<string, unknown>()
    const onFailure = (error: unknown): void => void failures.set(String(error), error)
    await Promise.all([
      this.#expire(partitions, onFailure),
      this.#eachApart(partitions, (group) => this.#doAllDue(group, onFailure), onFailure),
    ])
    for (const error of failures.values()) this.#options.onError(error)
  }

  /**
   * In a cluster calls `work` for each partition, so that a failing server does not stop the work on other servers. Without a cluster calls
   * `work` once with all partitions.
   */
  async #eachApart(
    partitions: readonly number[],
    work: (group: readonly number[]) => Promise<void>,
    onFailure: (error: unknown, group: readonly number[]) => void,
  ): Promise<void> {
    const groups = this.#options.runner.isCluster ? partitions.map((partition) => [partition]) : [partitions]
    await Promise.all(groups.map((group) => work(group).catch((error: unknown) => onFailure(error, group))))
  }

  async #doAllDue(partitions: readonly number[], onFailure: (error: unknown) => void): Promise<void> {
    const { runner } = this.#options
    for (let left = partitions; left.length > 0 && !this.#isStopped;) {
      const args = [USERS_PER_STEP, SWEEP_INTERVAL] as const
      const lists = await runner.inPartitions(runner.steps.listDue, left, '', args)
      const busy = left.flatMap((partition, n) => {
        const list = lists[n] ?? []
        return list.length > 0 ? [{ partition, list }] : []
      })
      const areFull = await Promise.all(
        busy.map(({ partition, list }) => this.#doDue(partition, list, onFailure)),
      )
      left = busy.filter((_each, n) => areFull[n]).map(({ partition }) => partition)
    }
  }

  /**
   * Makes the pending own copies of a partition, and runs the step `due` for each listed user. A member without a user stands for webhook
   * events of an app that are due. Resolves with true if perhaps more users are due.
   */
  async #doDue(
    partition: number,
    [ownCopies = 0, next = -1, ...members]: Returns<'listDue'>,
    onFailure: (error: unknown) => void,
  ): Promise<boolean> {
    const { runner, inboxes, adoptions, onEventsDue } = this.#options
    // The copies are awaited later, because a copy may wait for a server that the users' steps do not need.
    const copies =
      ownCopies > 0
        ? inboxes.ownCopies.makePending(partition, OWN_COPY_PENDING_FOR).catch(onFailure)
        : undefined
    const results = await Promise.allSettled(
      members.map(async (member) => {
        const [appId = '', userId = ''] = member.split('\0')
        if (userId === '') return onEventsDue(appId, partition)
        const [isMoving] = await runner.onUser(runner.steps.due, { appId, userId }, [callId()])
        if (isMoving === 1) await adoptions.move({ appId, userId })
      }),
    )
    await copies
    const failed = results.filter((result) => result.status === 'rejected')
    for (const { reason } of failed) onFailure(reason)
    if (next >= 0) this.wake(partition, next)
    // After a failure only the next sweep goes on: a list that is read now would have the failed user again.
    return members.length === USERS_PER_STEP && failed.length === 0
  }

  /** Deletes the expired messages of the partitions' inboxes. Never rejects. */
  async #expire(partitions: readonly number[], onFailure: (error: unknown) => void): Promise<void> {
    for (const [appId, { age }] of this.#options.apps.retentions()) {
      const found = this.#searchNow(appId, age, partitions)
      if (found.length === 0) continue
      await this.#eachApart(
        found,
        (group) => this.#expireIn(group, appId, age, onFailure),
        (error, group) => {
          for (const partition of group) this.#searches.get(appId)?.at.delete(partition)
          onFailure(error)
        },
      )
    }
  }

  /** An inbox that can't be read does not stop the deletion in others: `onFailure` gets the error. Rejects if a list fails. */
  async #expireIn(
    partitions: readonly number[],
    appId: string,
    age: number,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    const { runner } = this.#options
    for (let left = partitions; left.length > 0 && !this.#isStopped;) {
      const args = [age, USERS_PER_STEP] as const
      const lists = await runner.inPartitions(runner.steps.listAging, left, appId, args)
      const areFull = await Promise.all(
        lists.map(async (userIds) => {
          const results = await Promise.allSettled(
            userIds.map((userId) => runner.onUser(runner.steps.expireInbox, { appId, userId }, [age])),
          )
          const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
          for (const result of results) if (result.status === 'rejected') onFailure(result.reason)
          // True if there is more to delete: another page of users, or more messages than one step deletes. The next list has the failed
          // users again, so only others count.
          return (
            (userIds.length === USERS_PER_STEP && done.length > 0) ||
            done.some(([isUnfinished]) => isUnfinished === 1)
          )
        }),
      )
      left = left.filter((_partition, n) => areFull[n])
    }
  }

  /**
   * Returns the partitions in which an app's inboxes are to be searched now, and sets when their next search is due. If the greatest age has
   * changed, the inboxes are searched at once.
   */
  #searchNow(appId: string, age: number, partitions: readonly number[]): readonly number[] {
    const known = this.#searches.get(appId)
    const search = known?.age === age ? known : { age, at: new Map<number, number>() }
    this.#searches.set(appId, search)
    const now = performance.now()
    const found = partitions.filter((partition) => (search.at.get(partition) ?? 0) <= now)
    for (const partition of found) search.at.set(partition, now + expirySearchInterval(age))
    return found
  }
}
