import type { UserRef } from '../../engine.js'
import { SLOTS, slotOf } from '../client/key-slot.js'

/** The number of partitions. If this number changed, the keys of every Redis in use would have to move. */
export const PARTITION_COUNT = 1_024

/**
 * Returns the hash tags of the partitions. Each partition has a range of a cluster's slots. All ranges are equally long, so the masters of
 * a cluster get partitions in proportion to their slots. The tag of a partition is the first number, in base 36, whose slot is in the
 * range.
 */
export const partitionTags = (count = PARTITION_COUNT): string[] => {
  const tags: string[] = []
  const slotsPerPartition = SLOTS / count
  let missing = count
  for (let n = 0; missing > 0; n++) {
    const tag = n.toString(36)
    const partition = Math.floor(slotOf(tag) / slotsPerPartition)
    if (tags[partition] !== undefined) continue
    tags[partition] = tag
    missing--
  }
  return tags
}

const FIRST = 0x811c9dc5
const withByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193)

/** The 32-bit FNV-1a hash of a text in UTF-8. */
export const fnv1a = (text: string): number => {
  let hash = FIRST
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n)
    // Only a character of ASCII is its byte in UTF-8.
    if (code > 0x7f) return Buffer.from(text).reduce(withByte, FIRST) >>> 0
    hash = withByte(hash, code)
  }
  return hash >>> 0
}

/**
 * Assigns partitions to users, tokens, devices and webhook events. A Redis without a cluster has the same partitions, so that its keys can
 * move into a cluster.
 */
export class Partitions {
  readonly count: number
  readonly tags: readonly string[]
  readonly all: readonly number[]

  constructor(count = PARTITION_COUNT) {
    this.count = count
    this.tags = partitionTags(count)
    this.all = this.tags.map((_tag, partition) => partition)
  }

  of({ appId, userId }: UserRef): number {
    return fnv1a(`${appId}\0${userId}`) % this.count
  }

  /**
   * Returns the partition of a webhook event. An event `events.dropped` of the app itself has an empty user id. It is in the partition
   * where events were dropped, and its id names that partition. The id of an event from another engine names no partition.
   */
  ofEvent(of: UserRef, eventId: string): number {
    const named = Number(/^evt_(\d+)_\d+_/.exec(eventId)?.[1] ?? NaN)
    return of.userId === '' && named < this.count ? named : this.of(of)
  }

  ofToken(appId: string, tokenId: string): number {
    return fnv1a(`${appId}\0token\0${tokenId}`) % this.count
  }

  ofDevice(appId: string, id: string): number {
    return fnv1a(`${appId}\0device\0${id}`) % this.count
  }
}
