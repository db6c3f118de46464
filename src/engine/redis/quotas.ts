import type { UserRef } from '../engine.js'
import { KeyedMutex } from '../../util/keyed-mutex.js'
import type { StepRunner } from './step-runner.js'

/** Counts of an app's data that a limit applies to. */
export interface Counts {
  guests: number
  inboxes: number
  bytes: number
}

/** Milliseconds after which the counts are read again, because other nodes change them. If a limit was reached, they are read sooner. */
const MAX_AGE = 5_000
const MAX_AGE_AT_LIMIT = 200

interface AppCounts {
  readonly partitions: Counts[]
  readonly sum: Counts
  readAt: number
}

const NONE: Counts = { guests: 0, inboxes: 0, bytes: 0 }

/**
 * The counts of an app in all partitions. A step adds its own partition's exact count to those of the other partitions. Changes by this
 * node are counted at once, those by other nodes some seconds later.
 */
export class Quotas {
  readonly #runner: StepRunner
  readonly #apps = new Map<string, Promise<AppCounts>>()
  readonly #mutex = new KeyedMutex()

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  /** Resolves with the counts of the app in all other partitions. With `isAtLimit`, by the known counts a limit was reached. */
  async others(appId: string, partition: number, isAtLimit = false): Promise<Counts> {
    const { sum, partitions } = await this.#counts(appId, isAtLimit ? MAX_AGE_AT_LIMIT : MAX_AGE)
    const own = partitions[partition] ?? NONE
    return {
      guests: sum.guests - own.guests,
      inboxes: sum.inboxes - own.inboxes,
      bytes: sum.bytes - own.bytes,
    }
  }

  /**
   * Notes that a step of this node has changed counts of the user's partition. A negative number stands for a count that did not change.
   */
  async update(of: UserRef, changed: Counts): Promise<void> {
    // If the counts could not be read, the next call that needs them reads them again.
    const counts = await this.#apps.get(of.appId)?.catch(() => undefined)
    const own = counts?.partitions[this.#runner.partitions.of(of)]
    if (!counts || !own) return
    for (const name of ['guests', 'inboxes', 'bytes'] as const) {
      if (changed[name] < 0) continue
      counts.sum[name] += changed[name] - own[name]
      own[name] = changed[name]
    }
  }

  /** Runs tasks of an app one after the other, because together they might exceed a limit. */
  inTurn<T>(appId: string, task: () => Promise<T>): Promise<T> {
    return this.#mutex.run(appId, task)
  }

  async #counts(appId: string, maxAge: number): Promise<AppCounts> {
    const known = this.#apps.get(appId)
    const counts = await known?.catch(() => undefined)
    if (counts && counts.readAt + maxAge > performance.now()) return counts
    if (this.#apps.get(appId) !== known) return this.#counts(appId, maxAge)
    const reading = this.#read(appId)
    this.#apps.set(appId, reading)
    return reading
  }

  async #read(appId: string): Promise<AppCounts> {
    const all = await this.#runner.onEveryPartition(this.#runner.steps.readCounts, appId, [])
    const partitions = all.map(([, guests, inboxes, bytes]) => ({
      guests: Number(guests),
      inboxes: Number(inboxes),
      bytes: Number(bytes),
    }))
    const sum = { ...NONE }
    for (const each of partitions) {
      sum.guests += each.guests
      sum.inboxes += each.inboxes
      sum.bytes += each.bytes
    }
    return { partitions, sum, readAt: performance.now() }
  }
}
