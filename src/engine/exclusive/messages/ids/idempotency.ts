import { retryOutcome } from '../../../decide/messages/retry.js'
import type { SendResult } from '../../../engine.js'
import { contentDigest, type Content } from '../../../util/content-digest.js'
import type { Job } from '../../../../util/scheduler.js'
import type { Core } from '../../store/core.js'
import { rows } from '../../store/rows.js'
import { del, put, readAllAs, type Operation } from '../../store/store.js'
import { StoredKeysFilter } from './stored-keys-filter.js'

export type StoredResult = Extract<SendResult, { outcome: 'stored' | 'repeated' }>

/** What `IdempotencyKeys.add` needs of a message that is about to be written. */
export interface NewKey {
  /** The result of `digestOf`. */
  digest: string
  result: StoredResult
  now: number
  expiresAt: number
}

/** The ids of recent messages with the results of their sends, so that a retry stores no message twice. */
export interface IdempotencyKeys {
  /** Called once before the first send. */
  load(): Promise<void>
  /** Returns a text that differs if the content differs. */
  digestOf(content: Content): string
  /** If a message was sent with this key before, returns the result of the retry: `repeated`, or `conflict` if the digest differs. */
  find(key: string, digest: string, now: number): Promise<SendResult> | undefined
  /** Adds a key. Extends `operations` by those that store the key. */
  add(key: string, added: NewKey, operations: Operation[]): void
}

/** Returns the result of a send whose key was used before, with a message of this digest. */
export const retryOf = (
  earlier: Omit<StoredResult, 'outcome'> & { digest: string },
  digest: string,
): SendResult => {
  const { offset, ownOffset, sentAt } = earlier
  const outcome = retryOutcome(earlier.digest, digest)
  return outcome === 'repeated' ? { outcome, offset, ownOffset, sentAt } : { outcome }
}

export type IdempotencyRow = [
  expiresAt: number,
  digest: string,
  offset: number,
  ownOffset: number | null,
  sentAt: number,
]

/** Returns the expiry in a row. This is faster than `JSON.parse` of the whole row. */
const expiryOf = (text: string): number => parseInt(text.slice(1), 10)

/**
 * How many keys a step reads in the first pass over all keys, which adds the keys to the filter. Until this pass has ended, every message
 * costs a read. So the steps of this pass are larger than those of later passes.
 */
export const KEYS_PER_LOADING_STEP = 4_096
/** How many keys one step of a later pass reads. It may delete them all. */
export const KEYS_PER_STEP = 2_048
/**
 * Milliseconds from the start of one step to the start of the next. The pause leaves time for the clients, which all connect at once after
 * a restart.
 */
const STEP_SPACING = 10
/** The fewest milliseconds from the start of one pass to the start of the next. */
const MIN_PASS_INTERVAL = 100

/** Idempotency keys in a store. A background job passes over all keys and deletes those that have expired. */
export class StoredIdempotencyKeys implements IdempotencyKeys {
  readonly #core: Core
  readonly #filter = new StoredKeysFilter()
  readonly #job: Job
  #isLoaded = false
  /** The last row that the pass has read; undefined between two passes. */
  #last: string | undefined
  #passBegan = -Infinity
  /** The keys that were added since the step's read began; undefined between two reads. */
  #addedMeanwhile: Set<string> | undefined
  /** The earliest expiry of a key that the latest pass has kept, or that is newer than the pass. */
  #nextExpiry = Infinity
  /** The longest time from the adding or the reading of a key to its expiry. */
  #longestKept = 0

  constructor(core: Core) {
    this.#core = core
    this.#job = core.scheduler.job((now) => this.#step(now))
  }

  /** Adds the keys of earlier processes to the filter: some before the call resolves, the others in the background. */
  async load(): Promise<void> {
    const { scheduler, clock } = this.#core
    scheduler.schedule(this.#job, await this.#job.run(clock.now()))
  }

  digestOf(content: Content): string {
    return contentDigest(content)
  }

  find(row: string, digest: string, now: number): Promise<SendResult> | undefined {
    if (!this.#filter.mayHave(row, now)) return undefined
    const { commit } = this.#core
    const stored = commit.newest(row) as IdempotencyRow | undefined
    if (!stored || stored[0] <= now) return undefined
    const [, storedDigest, offset, ownOffset, sentAt] = stored
    const retry = retryOf({ digest: storedDigest, offset, ownOffset, sentAt }, digest)
    // The result tells of a message that is perhaps being written, so it waits for that write.
    return commit.isPending(row) ? commit.sync([]).then(() => retry) : Promise.resolve(retry)
  }

  add(row: string, added: NewKey, operations: Operation[]): void {
    const { now, expiresAt } = added
    this.#filter.add(row, expiresAt, now)
    this.#addedMeanwhile?.add(row)
    this.#longestKept = Math.max(this.#longestKept, expiresAt - now)
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt)
    this.#core.scheduler.schedule(this.#job, this.#nextPass())
    const { digest, result } = added
    const { offset, ownOffset, sentAt } = result
    operations.push(put(row, [expiresAt, digest, offset, ownOffset, sentAt] satisfies IdempotencyRow))
  }

  /** Does one step of a pass. Resolves with the time of the next step. The pass may miss new keys, but `add` puts those into the filter. */
  async #step(now: number): Promise<number> {
    if (this.#last === undefined) {
      if (now < this.#passBegan + MIN_PASS_INTERVAL) return this.#passBegan + MIN_PASS_INTERVAL
      this.#passBegan = now
      this.#nextExpiry = Infinity
    }
    const added = (this.#addedMeanwhile = new Set<string>())
    // The read then finds every key that was added before.
    const { store, commit } = this.#core
    await commit.flush()
    const limit = this.#isLoaded ? KEYS_PER_STEP : KEYS_PER_LOADING_STEP
    const range = { ...rows.idempotencyKeysAfter(this.#last), limit }
    const page = await readAllAs(store, range, expiryOf)
    this.#addedMeanwhile = undefined
    const deletions: Operation[] = []
    for (const [row, expiresAt] of page) {
      // A key that was sent again since the read is valid again.
      if (expiresAt <= now && !added.has(row)) deletions.push(del(row))
      else this.#keep(row, expiresAt, now)
    }
    this.#last = page.length === limit ? page.at(-1)?.[0] : undefined
    // `append` keeps the order of the calls: if a key is sent again after this, its write comes after its deletion.
    commit.append(deletions)
    if (this.#last !== undefined) return now + STEP_SPACING
    if (!this.#isLoaded) this.#filter.setLoaded()
    this.#isLoaded = true
    return this.#nextPass()
  }

  /**
   * Returns the time of the next pass: when the next key expires, but not before `#longestKept` has passed since the last pass began. So
   * hardly any key is read by more than two passes.
   */
  #nextPass(): number {
    return Math.max(this.#nextExpiry, this.#passBegan + this.#longestKept)
  }

  #keep(row: string, expiresAt: number, now: number): void {
    if (!this.#isLoaded) this.#filter.add(row, expiresAt, now)
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt)
    this.#longestKept = Math.max(this.#longestKept, expiresAt - now)
  }
}
