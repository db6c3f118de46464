import type { Message, User } from '../protocol/index.js'
import type { SessionError } from './errors.js'
import type { Presence, Sent, Signal } from './messages.js'
import type { AskReason, TokenAsk } from './options.js'
import { sentences } from './sentences.js'

export type SessionState = 'idle' | 'starting' | 'active' | 'reconnecting' | 'ended' | 'failed'

export interface StateDetail {
  state: SessionState
  previous: SessionState
  /** The error with which the session ended or failed, or with which the last attempt to connect failed. */
  error: SessionError | null
  /** Unix time in milliseconds of the next attempt to connect; null when none is scheduled. */
  retryAt: number | null
}

export interface MessageDetail {
  message: Message
}

export interface UnreadDetail {
  unread: number
}

export interface UserDetail {
  user: User
}

/** A message of an earlier page of the tab: the gateway has not stored it, or its outcome is not known (`unknown-outcome`). */
export interface FailedSend {
  id: string
  to: string
  error: SessionError
}

export interface PendingDetail {
  /** How many messages are not stored yet. */
  count: number
  /** Why the messages wait; null if there are none, or if they are on their way. */
  reason: 'offline' | 'reconnecting' | 'rate-limited' | 'busy' | null
  /** Unix time in milliseconds of the next attempt, where it is known. */
  retryAt: number | null
  /** Messages of earlier pages that failed since the last event. For a message of this page `send()` rejects. */
  failed: readonly FailedSend[]
}

export interface SignalDetail {
  signal: Signal
}

export interface PresenceDetail {
  users: Presence[]
}

export interface ErrorDetail {
  error: SessionError
}

/**
 * Asks the listeners for a token. `respondWith` works like FetchEvent's: a listener can call it once, and only while the event is
 * dispatched. A null means that the user is signed out. If a promise given to `respondWith` rejects, the session asks again later.
 */
export class TokenNeededEvent extends Event {
  readonly reason: AskReason
  /** Aborts when the token is no longer needed. */
  readonly signal: AbortSignal
  #answer: Promise<string | null> | undefined

  constructor(type: string, { reason, signal }: TokenAsk, init?: ConstructorParameters<typeof Event>[1]) {
    super(type, init)
    this.reason = reason
    this.signal = signal
  }

  respondWith(token: Promise<string | null> | string | null): void {
    if (this.#answer || this.eventPhase === Event.NONE)
      throw new DOMException(sentences.lateAnswer, 'InvalidStateError')
    this.#answer = Promise.resolve(token)
    this.stopImmediatePropagation()
  }

  /** The argument of `respondWith()`; undefined if no listener called it. */
  get answer(): Promise<string | null> | undefined {
    return this.#answer
  }
}

/** The `detail` of each event that is a CustomEvent. The types of `#emit` and of the element's `createEventRelay` are derived from it. */
export interface SessionEventDetails {
  /** The state changed, or the time of the next attempt to connect. */
  state: StateDetail
  /**
   * A message came into the inbox: one that the user received, or a copy of one that the user sent. Each message comes once, in order.
   */
  message: MessageDetail
  /** The number of unread messages changed. */
  unread: UnreadDetail
  /** The session started, or the user's profile changed. */
  user: UserDetail
  /** Messages failed. Or one of these changed: how many messages are not stored yet, why they wait, or the time of the next attempt. */
  pending: PendingDetail
  /** The user logs out: `end()` was called. This event comes before the session ends. `detail` is null. */
  logout: null
  /** The gateway has stored a message of this page or of an earlier page of the tab. */
  sent: Sent
  /**
   * A signal came. It replaces the earlier signal with the same sender and name. Or a message of the sender ended a signal: then the event
   * has this signal once more, with an `until` that has passed.
   */
  signal: SignalDetail
  /**
   * A watch began, perhaps on a new connection: `users` has all watched users. Or the presence of some users changed: `users` has these
   * users.
   */
  presence: PresenceDetail
  /** Something failed, and the session goes on. */
  error: ErrorDetail
}

type SessionCustomEvents = { [K in keyof SessionEventDetails]: CustomEvent<SessionEventDetails[K]> }

/** The session's events by name. */
export interface SessionEventMap extends SessionCustomEvents {
  /** A token is needed, and there is no source that can give one. */
  tokenneeded: TokenNeededEvent
}

type TypedListener<E> = ((event: E) => void) | { handleEvent(event: E): void } | null

// The libraries of the DOM and of Node have different names for these types, so the types are taken from EventTarget.
type ListenerOptions = Parameters<EventTarget['addEventListener']>[2]
type RemovalOptions = Parameters<EventTarget['removeEventListener']>[2]

/** An EventTarget with typed events. */
export interface TypedEventTarget<M> extends EventTarget {
  addEventListener<K extends keyof M & string>(
    type: K,
    listener: TypedListener<M[K]>,
    options?: ListenerOptions,
  ): void
  addEventListener(type: string, listener: TypedListener<Event>, options?: ListenerOptions): void
  removeEventListener<K extends keyof M & string>(
    type: K,
    listener: TypedListener<M[K]>,
    options?: RemovalOptions,
  ): void
  removeEventListener(type: string, listener: TypedListener<Event>, options?: RemovalOptions): void
}

export const SessionTarget = EventTarget as new () => TypedEventTarget<SessionEventMap>
