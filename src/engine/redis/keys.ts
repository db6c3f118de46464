import type { UserRef } from '../engine.js'
import { sha256 } from '../../util/sha256.js'
import type { Partitions } from './nodes/partitions.js'

/** Keys of one user. */
const USER_KINDS = [
  'user',
  'inbox',
  'sessions',
  'unread',
  'peers',
  'queue',
  'tombs',
  'rate',
  'watch',
] as const
/** Keys of an app in a partition. */
const APP_KINDS = [
  'users',
  'live',
  'counts',
  'due',
  'events',
  'pending',
  'failed',
  'aging',
  'revoked',
  'tokens',
] as const
/** The queue of the app's own events in a partition: that of a user with an empty id, for steps of other users. */
const APP_QUEUE = 'appQueue'
/** Keys of a partition. */
type PartitionKind = 'deadlines' | 'attached' | 'ownCopies'
/** Keys of a server, or in a cluster of a partition: of an app, and of all apps. */
type ServerKind = 'held' | 'state'
/** Keys that exist once in an engine. They are in the first partition. */
type SingleKind = 'key' | 'epochs' | 'apps' | 'nodes' | 'check' | 'transfer'
/** Keys of a message's id, of a sender's own copy, of an adopted guest, of a token, and of a device. The caller names them. */
export type HashedKind = 'id' | 'own' | 'adopted' | 'token' | 'device'

/** What a step calls its keys. Those after `from.` are the sender's. */
export type KeyKind =
  | (typeof USER_KINDS)[number]
  | (typeof APP_KINDS)[number]
  | typeof APP_QUEUE
  | PartitionKind
  | ServerKind
  | SingleKind
  | HashedKind
  | `from.${(typeof USER_KINDS | typeof APP_KINDS)[number]}`

const HASH_LENGTH = 22
/** What follows the kind in the name of a key. A hash or nothing follows a kind that is missing here. */
const scopes = new Map<string, 'user' | 'app'>([
  ...USER_KINDS.map((kind) => [kind, 'user'] as const),
  ...APP_KINDS.map((kind) => [kind, 'app'] as const),
])

/** A short hash of ids, for keys whose ids may be long. */
export const hashOf = (...ids: (string | null)[]): string => sha256(JSON.stringify(ids)).slice(0, HASH_LENGTH)

/** The owner of a step's keys. In a step of an app or a partition, ids are empty. */
export interface KeyOwner extends UserRef {
  partition: number
  /** The sender of a message whose step changes both inboxes. */
  from?: string | undefined
  hashed?: Partial<Record<HashedKind, string>> | undefined
}

/** The names of an engine's keys. All keys of a partition have its tag, so that one server has them. */
export class Keys {
  readonly prefix: string
  readonly #isCluster: boolean
  readonly #partitions: Partitions
  readonly #prefixes: readonly string[]

  constructor(prefix: string, partitions: Partitions, isCluster: boolean) {
    this.prefix = prefix
    this.#isCluster = isCluster
    this.#partitions = partitions
    this.#prefixes = partitions.tags.map((tag) => `${prefix}{${tag}}:`)
  }

  of(kinds: readonly KeyKind[], { partition, appId, userId, from, hashed }: KeyOwner): string[] {
    const name = (prefix: string, kind: string, ofUser: string): string => {
      if (kind === APP_QUEUE) return `${prefix}queue:${appId}\0`
      const scope = scopes.get(kind)
      if (scope === 'user') return `${prefix}${kind}:${appId}\0${ofUser}`
      if (scope === 'app') return `${prefix}${kind}:${appId}`
      if (kind === 'state') return (this.#isCluster ? prefix : (this.#prefixes[0] ?? '')) + kind
      // The names differ. If the keys of a server moved into a cluster, a partition would keep the counts of all others for ever.
      if (kind === 'held')
        return this.#isCluster ? `${prefix}held:${appId}` : `${this.#prefixes[0] ?? ''}heldHere:${appId}`
      const hash = hashed?.[kind as HashedKind]
      return hash === undefined ? prefix + kind : `${prefix}${kind}:${hash}`
    }
    const prefix = this.#prefixes[partition] ?? ''
    const fromPrefix =
      from === undefined ? prefix : (this.#prefixes[this.#partitions.of({ appId, userId: from })] ?? '')
    return kinds.map((kind) =>
      kind.startsWith('from.')
        ? name(fromPrefix, kind.slice('from.'.length), from ?? userId)
        : name(prefix, kind, userId),
    )
  }

  /**
   * Returns what the channels of a partition begin with. In a cluster it has the tag of the partition, because a sharded channel is on one
   * server. Elsewhere all partitions share their channels.
   */
  channels(partition: number): string {
    return this.#isCluster ? `${this.#prefixes[partition]}channel:` : `${this.prefix}channel:`
  }

  /**
   * Returns the channels that a node subscribes to: its own, those on which scripts tell that webhook events are due, and the one on which
   * other nodes ask it by its name.
   */
  subscribed(nodeId: string, name: string): string[] {
    const starts = new Set(this.#partitions.tags.map((_tag, partition) => this.channels(partition)))
    return [
      ...[...starts].flatMap((start) => [start + nodeId, `${start}due`]),
      `${this.channels(0)}name:${name}`,
    ]
  }
}
