import type { CheckedMessage, SendResult } from '../engine.js'
import { shortContentOrDigest } from '../util/content-digest.js'
import type { Job, Scheduler } from '../../util/scheduler.js'
import {
  resultOf,
  type IdempotencyKeys,
  type NewKey,
  type SentKey,
  type StoredResult,
} from './idempotency.js'

/** The keys of a send window are in about so many generations, and those of a generation are forgotten together. */
const GENERATIONS = 4
/** How many keys a generation has at most. A `Map` has room for 16 times as many. */
const MAX_PER_GENERATION = 1_000_000
/** How many characters of JSON are compared as they are. */
const MAX_SHORT_CONTENT = 128

/** Times are relative to those of the generation: small integers take no memory of their own. */
class Entry implements SentKey {
  readonly digest: string
  readonly expiresAfter: number
  readonly offset: number
  readonly ownOffset: number | null
  readonly sentAfter: number
  /** Null once the message is written. */
  synced: Promise<StoredResult> | null

  constructor({ digest, result, synced, expiresAt }: NewKey, { beganAt, sentAt }: Generation) {
    this.digest = digest
    this.expiresAfter = expiresAt - beganAt
    this.offset = result.offset
    this.ownOffset = result.ownOffset
    this.sentAfter = result.sentAt - sentAt
    this.synced = synced
  }

  settle(): void {
    this.synced = null
  }
}

interface Generation {
  readonly entries: Map<string, Entry>
  /** By the engine's clock, and by the machine's, which `sentAt` is of. */
  readonly beganAt: number
  readonly sentAt: number
  /** When the last of its keys expires. */
  expiresAt: number
}

/**
 * Idempotency keys of a store that is not persistent. They are no rows of it: those took a third of a message's time. Short content is
 * kept as it is until its key expires, also if the message is deleted before.
 */
export class MemoryIdempotencyKeys implements IdempotencyKeys {
  /** The newest is the first. */
  #generations: Generation[] = []
  readonly #scheduler: Scheduler
  readonly #job: Job

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#job = scheduler.job((now) => Promise.resolve(this.#forgetExpired(now)))
  }

  load(): Promise<void> {
    return Promise.resolve()
  }

  digestOf(message: CheckedMessage): string {
    return shortContentOrDigest(message, MAX_SHORT_CONTENT)
  }

  find(key: string, digest: string, now: number): Promise<SendResult> | undefined {
    for (const generation of this.#generations) {
      const entry = generation.entries.get(key)
      if (!entry) continue
      // An older generation may have the key too, but then that one has expired before this one was added.
      if (now >= generation.beganAt + entry.expiresAfter) return undefined
      const { digest: earlier, offset, ownOffset, sentAfter } = entry
      const sentAt = generation.sentAt + sentAfter
      const synced = entry.synced ?? Promise.resolve({ outcome: 'stored', offset, ownOffset, sentAt })
      return resultOf({ digest: earlier, synced }, digest)
    }
    return undefined
  }

  add(key: string, added: NewKey): SentKey {
    const { now, expiresAt } = added
    let newest = this.#generations[0]
    const isOver =
      !newest ||
      newest.entries.size >= MAX_PER_GENERATION ||
      now - newest.beganAt >= (newest.expiresAt - newest.beganAt) / GENERATIONS
    if (!newest || isOver) {
      newest = { entries: new Map(), beganAt: now, sentAt: added.result.sentAt, expiresAt }
      this.#generations.unshift(newest)
    }
    newest.expiresAt = Math.max(newest.expiresAt, expiresAt)
    const entry = new Entry(added, newest)
    newest.entries.set(key, entry)
    this.#scheduler.schedule(this.#job, newest.expiresAt)
    return entry
  }

  #forgetExpired(now: number): number {
    this.#generations = this.#generations.filter(({ expiresAt }) => expiresAt > now)
    return Math.min(...this.#generations.map(({ expiresAt }) => expiresAt))
  }
}
