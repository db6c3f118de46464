import type { UserRef } from '../engine.js'
import { sha256 } from '../../util/hash.js'
import { scopes } from './lua/scopes.js'
import type { Partitions } from './nodes/partitions.js'

/** The kinds of keys. By the kind a step (a script with its keys) names a key. */
export type KeyKind = keyof typeof scopes
/** The kinds of keys whose names contain a hash. */
export type HashedKind = { [K in KeyKind]: (typeof scopes)[K] extends 'hash' ? K : never }[KeyKind]

const HASH_LENGTH = 22
/** A short hash of ids, for keys whose ids may be long. */
export const hashOf = (...ids: (string | null)[]): string => sha256(JSON.stringify(ids)).slice(0, HASH_LENGTH)

/**
 * The owner of a step's keys. In a step about an app the user's id is empty. In a step about a partition the ids of user and app are empty.
 */
export interface KeyOwner extends UserRef {
  partition: number
  /** The kind and the hash of the step's hashed key. */
  hashed?: `${HashedKind}:${string}` | undefined
}

/**
 * The names of an engine's keys. Scripts make these names by the same rules (`lua/keys.lua`). A partition is a share of the data. The names
 * of a partition's keys have the partition's hash tag, so that a cluster has these keys on one server.
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

  /** The beginning of the names of a server's keys. It is empty in a cluster, where each partition has these keys. */
  get ofServer(): string {
    return this.#isCluster ? '' : (this.prefixes[0] ?? '')
  }

  of(kinds: readonly KeyKind[], { partition, appId, userId, hashed }: KeyOwner): string[] {
    const prefix = this.prefixes[partition] ?? ''
    const names = {
      user: (kind: string) => `${prefix}${kind}:${appId}\0${userId}`,
      app: (kind: string) => `${prefix}${kind}:${appId}`,
      appQueue: () => `${prefix}queue:${appId}\0`,
      partition: (kind: string) => prefix + kind,
      server: (kind: string) => (this.ofServer || prefix) + kind,
      // In a cluster the key has another name, in case the keys of a single server move into a cluster: under the same name a partition
      // would keep the counts of all partitions for ever.
      held: () => (this.#isCluster ? `${prefix}held:${appId}` : `${this.ofServer}heldHere:${appId}`),
      hash: () => prefix + (hashed ?? ''),
    }
    return kinds.map((kind) => names[scopes[kind]](kind))
  }

  /**
   * Returns the beginning of the names of a partition's channels. In a cluster it has the tag of the partition, so that the server of the
   * partition also has its channels. Without a cluster all partitions share their channels.
   */
  channels(partition: number): string {
    return `${this.#isCluster ? this.prefixes[partition] : this.prefix}channel:`
  }

  /**
   * Returns the channels that a node (the engine of one gateway) subscribes to: those of its id, those on which scripts tell all nodes that
   * the epochs of inboxes change (`lua/state.lua`), and the one on which other nodes ask this node by its name.
   */
  subscribed(nodeId: string, name: string): string[] {
    const starts = new Set(this.#partitions.tags.map((_tag, partition) => this.channels(partition)))
    return [
      ...[...starts].flatMap((start) => [start + nodeId, `${start}all`]),
      `${this.channels(0)}name:${name}`,
    ]
  }
}
