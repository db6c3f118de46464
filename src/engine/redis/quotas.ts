import { setTimeout as sleep } from 'node:timers/promises'
import type { AppUsage, EventLimits, UserRef } from '../engine.js'
import { KeyedMutex } from '../../util/keyed-mutex.js'
import type { StepRunner } from './step-runner.js'
import type { Counts } from './wire-event.js'

/** Milliseconds after which the counts are read again, because other nodes change them. */
const MAX_AGE = 5_000
/** Milliseconds in place of `MAX_AGE`, after a limit was reached. */
const MAX_AGE_AT_LIMIT = 200
/** Milliseconds from a failed reading to the next one. Each takes a call for each partition, also for those of the masters that answer. */
const FAILED_WAIT = 200

const names = ['guests', 'inboxes', 'bytes', 'events', 'eventBytes'] as const

interface AppCounts {
  readonly partitions: Counts[]
  readonly sum: Counts
  readAt: number
}

const NONE: Counts = { guests: 0, inboxes: 0, bytes: 0, events: 0, eventBytes: 0 }

/**
 * What the other partitions of a cluster leave of an app's limits. Without a cluster all partitions share an app's counts, and steps compare
 * these exact counts with the limits. In a cluster a step compares the exact count in its own partition with the app's limit less the counts
 * in the other partitions. Changes by this node are counted at once, those by other nodes some seconds later.
 */
export class Quotas {
  readonly #runner: StepRunner
  /** The readings that run, by app. All calls that need the counts meanwhile share the reading, and its failure. */
  readonly #readings = new Map<string, Promise<AppCounts>>()
  /** When the last reading failed, by app. */
  readonly #failedAt = new Map<string, number>()
  /** The counts that were read last, by app. */
  readonly #latest = new Map<string, AppCounts>()
  readonly #mutex = new KeyedMutex()

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  /**
   * Returns the counts of the app in all partitions except `partition`; a promise of them if they are read first. The counts are at most
   * `MAX_AGE` old; with `isAtLimit`, at most `MAX_AGE_AT_LIMIT`.
   */
  others(appId: string, partition: number, isAtLimit = false): Counts | Promise<Counts> {
    if (!this.#runner.isCluster) return NONE
    const maxAge = isAtLimit ? MAX_AGE_AT_LIMIT : MAX_AGE
    const known = this.#known(appId, maxAge)
    if (known) return othersOf(known, partition)
    return this.#counts(appId, maxAge).then((counts) => othersOf(counts, partition))
  }

  /**
   * Returns the app's limits of pending webhook events, less the events that this node knows of in the other partitions. If the
   * known counts are old, this method starts a reading, but does not wait for it: the calls of a user must reach Redis in their order.
   */
  eventsLeft(appId: string, partition: number, limits: EventLimits): EventLimits {
    this.refresh(appId, MAX_AGE)
    const latest = this.#latest.get(appId)
    const { events, eventBytes } = latest ? othersOf(latest, partition) : NONE
    return { events: limits.events - events, bytes: limits.bytes - eventBytes }
  }

  /** Reads the counts again in the background if they are older than `maxAge` milliseconds. Use the default after a limit was reached. */
  refresh(appId: string, maxAge = MAX_AGE_AT_LIMIT): void {
    if (!this.#runner.isCluster) return
    // If the counts can't be read, the known counts stay in use.
    this.#counts(appId, maxAge).catch(() => undefined)
  }

  /** Notes what a step of this node has changed in the user's partition: the new values of counts. */
  update(of: UserRef, changed: Partial<Counts>): void {
    const partition = this.#runner.partitions.of(of)
    const latest = this.#latest.get(of.appId)
    if (latest) change(latest, partition, changed)
    // A reading that runs now has perhaps counted before this change, so its result gets the change too. If the reading fails, the next
    // call that needs the counts reads again.
    this.#readings.get(of.appId)?.then(
      (counts) => change(counts, partition, changed),
      () => undefined,
    )
  }

  /** Resolves with an app's counts in all partitions. */
  async usage(appId: string): Promise<AppUsage> {
    const usage: AppUsage = { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 }
    const counted = ['users', 'guests', 'inboxes', 'bytes', 'sessions'] as const
    const { steps, servers } = this.#runner
    const all = await this.#runner.inPartitions(steps.readCounts, servers, appId, counted)
    for (const counts of all) counted.forEach((name, n) => (usage[name] += Number(counts[n])))
    return usage
  }

  /** In a cluster, runs tasks of an app one after the other, because together they might exceed a limit. */
  inTurn<T>(appId: string, task: () => Promise<T>): Promise<T> {
    return this.#runner.isCluster ? this.#mutex.run(appId, task) : task()
  }

  #known(appId: string, maxAge: number): AppCounts | undefined {
    const latest = this.#latest.get(appId)
    return latest && latest.readAt + maxAge > performance.now() ? latest : undefined
  }

  async #counts(appId: string, maxAge: number): Promise<AppCounts> {
    return this.#known(appId, maxAge) ?? this.#readings.get(appId) ?? this.#read(appId)
  }

  #read(appId: string): Promise<AppCounts> {
    const wait = (this.#failedAt.get(appId) ?? -Infinity) + FAILED_WAIT - performance.now()
    const reading = (
      wait > 0
        ? sleep(wait, undefined, { ref: false }).then(() => this.#readNow(appId))
        : this.#readNow(appId)
    ).finally(() => this.#readings.delete(appId))
    this.#readings.set(appId, reading)
    reading.then(
      () => this.#failedAt.delete(appId),
      () => this.#failedAt.set(appId, performance.now()),
    )
    return reading
  }

  async #readNow(appId: string): Promise<AppCounts> {
    const runner = this.#runner
    const before = this.#latest.get(appId)?.partitions
    const partitions = await runner.readEveryPartition(
      runner.steps.readCounts,
      appId,
      names,
      (counts) => {
        const read = { ...NONE }
        names.forEach((name, n) => (read[name] = Number(counts[n])))
        return read
      },
      (partition) => before?.[partition] && { ...before[partition] },
    )
    const sum = { ...NONE }
    for (const each of partitions) for (const name of names) sum[name] += each[name]
    const counts = { partitions, sum, readAt: performance.now() }
    this.#latest.set(appId, counts)
    return counts
  }
}

const othersOf = ({ sum, partitions }: AppCounts, partition: number): Counts => {
  const own = partitions[partition] ?? NONE
  const others = { ...sum }
  for (const name of names) others[name] -= own[name]
  return others
}

const change = ({ sum, partitions }: AppCounts, partition: number, changed: Partial<Counts>): void => {
  const own = partitions[partition]
  if (!own) return
  for (const name of names) {
    const count = changed[name] ?? own[name]
    sum[name] += count - own[name]
    own[name] = count
  }
}
