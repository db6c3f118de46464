import type { ChatSession, MessageDetail, SessionError } from '../session/index.js'

/** What a part gets of the first script, so that its own script need not have it. */
export interface PartContext {
  /** Returns the first element in the page that asks for the part; undefined while none does. */
  target(): HTMLElement | undefined
  /** The class that the page's other errors have. */
  SessionError: typeof SessionError
  /** The session's `message` events that came before the part, the newest 100. */
  early: readonly CustomEvent<MessageDetail>[]
}

/** Makes a part work for a session. The returned function is called when an element starts or stops to ask for the part. */
export type AttachPart = (session: ChatSession, context: PartContext) => () => void
