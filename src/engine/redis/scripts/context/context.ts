import type { KeyKind } from '../../scopes.js'
import type { WireEvent } from '../../wire-event.js'

/** The names of a user's keys by their kinds (`key-names.ts`). */
export type KeyNames = Readonly<Record<KeyKind, string>>

/**
 * What the script that runs at the moment works on. The library lives as long as the server's process, and Redis runs one script at a time,
 * so there is one such object, which `begin` sets for each script.
 */
export const script = {
  /** The names of the keys of the step's user, app or partition. */
  keys: {} as KeyNames,
  /** The kinds of keys that the script may use. */
  kinds: {} as Readonly<Partial<Record<string, true>>>,
  /** The name of the script's key of the scope `hash`, without the prefix. */
  hashed: '',
  /** The names of the keys that the caller has passed. */
  given: [] as readonly string[],
  /** The time, in milliseconds: that of the server's clock and `shift`. */
  now: 0,
  /** Milliseconds to add to the time of the server's clock. */
  shift: 0,
  /** What the names of the partition's keys begin with. */
  prefix: '',
  appId: '',
  userId: '',
  /** The number of the partition, as text. */
  partition: '',
  /** The user in `deadlines` and other sets: the ids of app and user. */
  member: '',
  /** What the names of the keys that all partitions share begin with. Empty in a cluster, where each partition has keys of its own. */
  serverPrefix: '',
  /** The id of the calling node. */
  self: '',
  /** The command that publishes. */
  publish: 'PUBLISH' as 'PUBLISH' | 'SPUBLISH',
  /** What the names of channels begin with. Empty in a cluster, where each partition has channels of its own. */
  channels: '',
  /** The events for the calling node. */
  events: [] as WireEvent[],
}

/** What the scripts of one call share. */
export interface Shared {
  /** The counts of each app. Without a cluster they are written once, at the end of the call. */
  counts: Partial<Record<string, AppCounts>>
  /** What `history.ts` has read. */
  history?: { number: number | undefined; generation: number | undefined; absent: string | undefined }
}

/** An app's counts. */
export interface AppCounts {
  readonly key: string
  /** Those that are known to be in Redis. */
  stored: Partial<Record<string, number>>
  /** What scripts that have ended have added since. */
  added: Partial<Record<string, number>>
}

/** What the scripts of the present call share, if the call has several. */
export const call: { shared: Shared | undefined } = { shared: undefined }
