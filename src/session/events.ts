import type { Message, User } from '../protocol/index.js'
import type { SessionError } from './errors.js'
import type { AskReason, TokenAsk } from './options.js'

export type SessionState = 'idle' | 'starting' | 'active' | 'reconnecting' | 'ended' | 'failed'

export interface StateDetail {
  state: SessionState
  previous: SessionState
  /** Why it ended or failed, or why the last attempt to connect did. */
  error: SessionError | null
  /** Unix time in milliseconds of the next attempt to connect, while one is waited for. */
  retryAt: number | null
}

/**
 * Asks whoever listens for a token. `respondWith` works as FetchEvent's does: once, and only while the event is
 * dispatched. Answering null means that the user is signed out; a rejection is asked again later.
 */
export class TokenNeededEvent extends Event {
  readonly reason: AskReason
  /** Aborts when the answer is no longer wanted. */
  readonly signal: AbortSignal
  #answer: Promise<string | null> | undefined

  constructor(type: string, { reason, signal }: TokenAsk, init?: EventInit) {
    super(type, init)
    this.reason = reason
    this.signal = signal
  }

  respondWith(token: Promise<string | null> | string | null): void {
    if (this.#answer || this.eventPhase === Event.NONE)
      throw new DOMException(
        'respondWith() is called once, and while the event is dispatched.',
        'InvalidStateError',
      )
    this.#answer = Promise.resolve(token)
    this.stopImmediatePropagation()
  }

  /** What it was answered with, if it was. */
  get answer(): Promise<string | null> | undefined {
    return this.#answer
  }
}

export interface SessionEventMap {
  /** The state changed, or the time of the next attempt to connect did. */
  state: CustomEvent<StateDetail>
  /** A message came into the inbox: one that the user received, or a copy of one they sent. In order, each once. */
  message: CustomEvent<Message>
  /** The number of unread messages changed. */
  unread: CustomEvent<number>
  /** The user's profile, when the session starts and when it changes. */
  user: CustomEvent<User>
  /** Something failed that does not end the session. */
  error: CustomEvent<SessionError>
  /** No other source can give the token that is needed. */
  tokenneeded: TokenNeededEvent
}

type Listener<E> = ((event: E) => void) | { handleEvent(event: E): void } | null

/** An EventTarget that knows the types of its events. */
export interface TypedEventTarget<M> extends EventTarget {
  addEventListener<K extends keyof M & string>(
    type: K,
    listener: Listener<M[K]>,
    options?: AddEventListenerOptions | boolean,
  ): void
  addEventListener(type: string, listener: Listener<Event>, options?: AddEventListenerOptions | boolean): void
  removeEventListener<K extends keyof M & string>(
    type: K,
    listener: Listener<M[K]>,
    options?: EventListenerOptions | boolean,
  ): void
  removeEventListener(type: string, listener: Listener<Event>, options?: EventListenerOptions | boolean): void
}

export const SessionTarget = EventTarget as new () => TypedEventTarget<SessionEventMap>
