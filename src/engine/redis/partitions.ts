import type { UserRef } from '../engine.js'
import { SLOTS, slotOf } from './client/key-slot.js'

/** How many partitions there are in a cluster. A change of it would move every key. */
export const CLUSTER_PARTITIONS = 1_024
/**
 * The hash tags of the partitions: of partition p the first number in base 36 whose slot is among the 16 from 16 p on. So
 * contiguous ranges of slots, as the masters of a cluster have them, get equal shares of the partitions.
 */
export const partitionTags = (): string[] => {
  const tags: string[] = []
  const slotsPerPartition = SLOTS / CLUSTER_PARTITIONS
  let missing = CLUSTER_PARTITIONS
  for (let n = 0; missing > 0; n++) {
    const tag = n.toString(36)
    const partition = Math.floor(slotOf(tag) / slotsPerPartition)
    if (tags[partition] !== undefined) continue
    tags[partition] = tag
    missing--
  }
  return tags
}

/** The 32-bit FNV-1a hash of a text in UTF-8. */
export const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** Assigns partitions to users and tokens. Without a cluster there is one partition, so lists of an app have one order. */
export class Partitions {
  readonly tags: readonly string[]

  constructor(count: 1 | typeof CLUSTER_PARTITIONS) {
    this.tags = count === 1 ? ['0'] : partitionTags()
  }

  get count(): number {
    return this.tags.length
  }

  of({ appId, userId }: UserRef): number {
    return this.count === 1 ? 0 : fnv1a(`${appId}\0${userId}`) % this.count
  }

  ofToken(appId: string, tokenId: string): number {
    return this.count === 1 ? 0 : fnv1a(`${appId}\0token\0${tokenId}`) % this.count
  }

  tag(partition: number): string {
    const tag = this.tags[partition]
    if (tag === undefined) throw new RangeError(`There is no partition ${partition}.`)
    return tag
  }
}
