import { LRUCache } from 'lru-cache'
import type { UserRef } from '../../engine.js'
import { userKey } from '../../user-key.js'
import type { StepRunner } from '../step-runner.js'

/**
 * Milliseconds after which a sender's bytes are counted again, because other gateways and deletions change them. The first number is for
 * senders who have taken less than half of `bytesPerSender`, the second for the others.
 */
const MAX_AGE = 60_000
const MAX_AGE_NEAR_LIMIT = 5_000
/** This node remembers the bytes of at most this many senders. */
const MAX_SENDERS = 10_000

interface Count {
  readonly partitions: Map<number, number>
  sum: number
  readonly readAt: number
}

/**
 * How many bytes each sender's messages take in the inboxes of others. A single server counts them exactly. In a cluster each partition
 * counts its own inboxes, and lets a sender take `bytesPerSender` divided by the number of partitions. The node adds up all partitions only
 * if a sender exceeds this limit, because that takes a call for each partition.
 */
export class HeldBytes {
  readonly #runner: StepRunner
  readonly #counts = new LRUCache<string, Count>({ max: MAX_SENDERS })

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  /** Returns how many bytes the sender may take in the inboxes of this partition; without a cluster, in all inboxes. */
  limitIn(partition: number, sender: UserRef, bytesPerSender: number): number {
    const { isCluster, partitions } = this.#runner
    if (!isCluster) return bytesPerSender
    const count = this.#known(sender, bytesPerSender)
    if (!count) return bytesPerSender / partitions.count
    return bytesPerSender - count.sum + (count.partitions.get(partition) ?? 0)
  }

  /**
   * Adds up the bytes that the sender takes in all partitions. Does nothing, and resolves with false, if `limitIn` was exact already:
   * without a cluster, or because the sum was known.
   */
  async count(sender: UserRef, bytesPerSender: number): Promise<boolean> {
    const runner = this.#runner
    if (!runner.isCluster || this.#known(sender, bytesPerSender)) return false
    const before = this.#counts.get(userKey(sender))
    const found = await runner.readEveryPartition(
      runner.steps.readHeld,
      sender.appId,
      [sender.userId],
      ([bytes]) => Number(bytes),
      (partition) => before && (before.partitions.get(partition) ?? 0),
    )
    const count: Count = { partitions: new Map(), sum: 0, readAt: performance.now() }
    found.forEach((bytes, partition) => {
      if (bytes > 0) this.#set(count, partition, bytes)
    })
    this.#counts.set(userKey(sender), count)
    return true
  }

  /** Notes how many bytes the sender takes in a partition. */
  update(partition: number, sender: UserRef, bytes: number): void {
    const count = this.#counts.get(userKey(sender))
    if (count) this.#set(count, partition, bytes)
  }

  #set(count: Count, partition: number, bytes: number): void {
    count.sum += bytes - (count.partitions.get(partition) ?? 0)
    count.partitions.set(partition, bytes)
  }

  #known(sender: UserRef, bytesPerSender: number): Count | undefined {
    const count = this.#counts.get(userKey(sender))
    if (!count) return undefined
    const maxAge = 2 * count.sum < bytesPerSender ? MAX_AGE : MAX_AGE_NEAR_LIMIT
    return count.readAt + maxAge > performance.now() ? count : undefined
  }
}
