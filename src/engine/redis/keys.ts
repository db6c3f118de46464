import type { UserRef } from '../engine.js'
import { sha256 } from '../../util/hash.js'
import { keyName, type KeyKind, type scopes } from './scopes.js'
import type { Partitions } from './nodes/partitions.js'

export type { KeyKind }
/** The kinds of keys whose names end with what `hashOf` returns. */
export type HashedKind = { [K in KeyKind]: (typeof scopes)[K] extends 'hash' ? K : never }[KeyKind]

const HASH_LENGTH = 22
/** Returns a short digest of ids, for the names of keys whose ids may be long. */
export const hashOf = (...ids: (string | null)[]): string => sha256(JSON.stringify(ids)).slice(0, HASH_LENGTH)

/** The owner of a step's keys. If a step is about an app, the user's id is empty. If it is about a partition, both ids are empty. */
export interface KeyOwner extends UserRef {
  partition: number
  /** The name of the step's key of a `HashedKind`, if it has one, without the prefix: the kind, a colon, and a result of `hashOf`. */
  hashed?: `${HashedKind}:${string}` | undefined
}

/**
 * The names of an engine's keys. The names of a partition's keys contain the
 * partition's hash tag. A cluster keeps all keys with one hash tag on one server, so that one script can use them.
 */
export class Keys {
  readonly prefix: string
  /** The beginning of the names of a partition's keys, for each partition. */
  readonly prefixes: readonly string[]
  readonly #isCluster: boolean
  readonly #partitions: Partitions

  constructor(prefix: string, partitions: Partitions, isCluster: boolean) {
    this.prefix = prefix
    this.#isCluster = isCluster
    this.#partitions = partitions
    this.prefixes = partitions.tags.map((tag) => `${prefix}{${tag}}:`)
  }

  /** The beginning of the names of the keys that all partitions share. Empty in a cluster, where each partition has its own. */
  get ofServer(): string {
    return this.#isCluster ? '' : (this.prefixes[0] ?? '')
  }

  of(kinds: readonly KeyKind[], { partition, appId, userId, hashed }: KeyOwner): string[] {
    const naming = { appId, serverPrefix: this.ofServer, hashed: hashed ?? '' }
    return kinds.map((kind) => keyName(kind, this.prefixes[partition] ?? '', userId, naming))
  }

  /**
   * Returns the beginning of the names of a partition's channels. In a cluster it contains the partition's hash tag, so that the
   * partition's server has the channels, too. Without a cluster all partitions share their channels.
   */
  channels(partition: number): string {
    return `${this.#isCluster ? this.prefixes[partition] : this.prefix}channel:`
  }

  /**
   * Returns the channels that a node subscribes to: those with the node's id; those on which scripts tell all nodes that the epochs of
   * inboxes change (`scripts/state/history.ts`); and the one with the node's name, for questions and answers of other nodes.
   */
  subscribed(nodeId: string, name: string): string[] {
    const starts = new Set(this.#partitions.tags.map((_tag, partition) => this.channels(partition)))
    return [
      ...[...starts].flatMap((start) => [start + nodeId, `${start}all`]),
      `${this.channels(0)}name:${name}`,
    ]
  }
}
