import type { UserRef } from '../engine.js'
import { sha256 } from '../util/sha256.js'
import type { Partitions } from './partitions.js'

/** Keys of one user. */
const USER_KINDS = ['user', 'inbox', 'sessions', 'unread', 'queue', 'tombs'] as const
/** Keys of an app in a partition. */
const APP_KINDS = ['users', 'live', 'counts', 'due', 'events', 'owed', 'failed', 'aging', 'revoked'] as const
/** Keys of a partition. */
type PartitionKind = 'deadlines' | 'attached' | 'pending'
/** Keys that there are once. They are in the first partition. */
type SingleKind = 'key' | 'epochs' | 'apps' | 'nodes' | 'check'
/** Keys of a message's id, of a sender's copy, and of a token. The caller names them. */
export type HashedKind = 'id' | 'copy' | 'token'

/** What a step calls its keys. Those after `from.` are the sender's. */
export type KeyKind =
  | (typeof USER_KINDS)[number]
  | (typeof APP_KINDS)[number]
  | PartitionKind
  | SingleKind
  | HashedKind
  | 'from.user'
  | 'from.inbox'
  | 'from.unread'

const HASH_LENGTH = 22
/** What follows the kind in the name of a key; a hash, or nothing, if it is missing here. */
const scopes = new Map<string, 'user' | 'app' | 'sender'>([
  ...USER_KINDS.map((kind) => [kind, 'user'] as const),
  ...APP_KINDS.map((kind) => [kind, 'app'] as const),
  ...(['from.user', 'from.inbox', 'from.unread'] as const).map((kind) => [kind, 'sender'] as const),
])

/** A short hash of ids, for keys whose ids may be long. */
export const hashOf = (...ids: (string | null)[]): string => sha256(JSON.stringify(ids)).slice(0, HASH_LENGTH)

/** Whom a step's keys belong to. Steps of an app or a partition leave ids empty. */
export interface KeyOwner extends UserRef {
  partition: number
  /** Of a message between users of one partition. */
  from?: string | undefined
  hashed?: Partial<Record<HashedKind, string>> | undefined
}

/** The names of an engine's keys. All keys of a partition have its tag, so that one server has them. */
export class Keys {
  readonly prefix: string
  readonly #partitions: Partitions
  readonly #prefixes: readonly string[]

  constructor(prefix: string, partitions: Partitions) {
    this.prefix = prefix
    this.#partitions = partitions
    this.#prefixes = partitions.tags.map((tag) => `${prefix}{${tag}}:`)
  }

  of(kinds: readonly KeyKind[], { partition, appId, userId, from, hashed }: KeyOwner): string[] {
    const prefix = this.#prefixes[partition] ?? ''
    const user = `:${appId}\0${userId}`
    return kinds.map((kind) => {
      const scope = scopes.get(kind)
      if (scope === 'user') return prefix + kind + user
      if (scope === 'app') return `${prefix}${kind}:${appId}`
      if (scope === 'sender') return `${prefix}${kind.slice('from.'.length)}:${appId}\0${from ?? userId}`
      const hash = hashed?.[kind as HashedKind]
      return hash === undefined ? prefix + kind : `${prefix}${kind}:${hash}`
    })
  }

  /** The start of the channels of a partition. A cluster sends a sharded channel to the server of its tag alone. */
  channels(partition: number): string {
    return this.#partitions.count === 1 ? `${this.prefix}channel:` : `${this.#prefixes[partition]}channel:`
  }

  /** The channels that a node subscribes to: its own, and those that say that webhook events are due. */
  subscribed(nodeId: string): string[] {
    return this.#partitions.tags.flatMap((_tag, partition) => {
      const start = this.channels(partition)
      return [start + nodeId, `${start}due`]
    })
  }
}
