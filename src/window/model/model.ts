import type { Content, Message, PeerId, PeersNext } from '../types.js'

/** What the window knows of the conversation with one peer. */
export interface Conversation {
  readonly id: PeerId
  readonly name: string | null
  readonly photoUrl: string | null
  /** How many of the peer's messages are unread. */
  readonly unread: number
  /** The peer's messages up to this offset are read. */
  readonly readOffset: number
  /** Undefined if there is no message yet. */
  readonly newest: Message | undefined
}

/** A message of this page that is not stored yet. */
export interface Outgoing extends Readonly<Content> {
  readonly id: string
  readonly to: string
  /** Unix time in milliseconds. */
  readonly sentAt: number
  /** The code of the error with which it failed; undefined while it waits. */
  readonly failure?: string | undefined
}

/** The messages of one conversation, as far as they are loaded. */
export interface Thread {
  /** In the order of their offsets. */
  readonly messages: readonly Message[]
  readonly outgoing: readonly Outgoing[]
  /** Whether the newest messages have been loaded. */
  readonly isLoaded: boolean
  /** The offset of the first message of those that were loaded first; undefined as long as there is none. */
  readonly startOffset?: number | undefined
  /** Whether the gateway has messages before the first one. */
  readonly hasOlder: boolean
  /** The offset after which the line "new" stands; undefined for no line. */
  readonly newAfter?: number | undefined
  /** The code of the error with which the history could not be loaded. */
  readonly failure?: string | undefined
}

/** All that the window knows of one user's conversations. Nothing of it outlives the user's log-out. */
export interface Model {
  readonly user: string
  /** In no order: `sorted()` has one. */
  readonly conversations: ReadonlyMap<PeerId, Conversation>
  /** Whether the first part of the list has been loaded. */
  readonly isListed: boolean
  /** Where the list goes on; undefined at its end. */
  readonly next: PeersNext
  /** The code of the error with which the list could not be loaded. */
  readonly listFailure?: string | undefined
  /** The conversations that were opened. */
  readonly threads: ReadonlyMap<PeerId, Thread>
  readonly online: ReadonlySet<string>
  /** Until when each peer types (Unix time in milliseconds). */
  readonly typing: ReadonlyMap<PeerId, number>
}

export const emptyThread: Thread = { messages: [], outgoing: [], isLoaded: false, hasOlder: false }

export const emptyModel = (user: string): Model => ({
  user,
  conversations: new Map(),
  isListed: false,
  next: undefined,
  threads: new Map(),
  online: new Set(),
  typing: new Map(),
})

/** Returns a copy of `map` with an entry set. */
export const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> =>
  new Map(map).set(key, value)

export const threadOf = (model: Model, peer: PeerId): Thread => model.threads.get(peer) ?? emptyThread

export const changeThread = (model: Model, peer: PeerId, change: Partial<Thread>): Model => ({
  ...model,
  threads: withEntry(model.threads, peer, { ...threadOf(model, peer), ...change }),
})
