import type { ChatSession, MessageDetail, SessionError } from '../session/index.js'
import type { SessionInfo } from '../session/internal.js'

/** An element that uses a session, with the properties that parts read. */
export type Member = HTMLElement & Partial<Record<'badge' | 'notifications' | 'push', unknown>>

/** The values that a part (parts/parts.ts) gets when it is attached, so that the part's own script need not contain them. */
export interface PartContext {
  /** Returns the first element in the page that asks for the part; undefined while no element does. */
  target(): HTMLElement | undefined
  /** Returns the first element in the page that uses the session and passes the filter. */
  firstWith(filter: (member: Member) => boolean): HTMLElement | undefined
  /** Returns the gateway's latest state of the session; null while there is none. */
  info(): SessionInfo | null
  /** The class of all errors of the session. The part must use this class, so that `instanceof` works. */
  SessionError: typeof SessionError
  /** The session's `message` events that came while the part was being loaded: the newest 100. */
  early: readonly CustomEvent<MessageDetail>[]
}

/** Attaches a part to a session. The caller calls the returned function when an element of the session has changed, joined or left. */
export type AttachPart = (session: ChatSession, context: PartContext) => () => void
