import { SessionError, type ChatSession, type MessageDetail } from '../session/index.js'
import { isSet } from './desired-session.js'
import { emit } from './emit.js'
import { tabId } from './notifications/visibility-lock.js'
import { loadPart } from './parts/parts.js'

/** The parts that an attribute asks for, and that work for a session. */
export const attachable = ['notifications'] as const

export type Attachable = (typeof attachable)[number]

/** How many messages wait for a part at most. */
const MAX_EARLY = 100

/** The parts of one session. */
export interface AttachedParts {
  /** Attaches the parts that an element asks for since the last call, and tells the others that their elements may have changed. */
  update(): void
}

/** `firstWith` returns the first element in the page that holds the session and passes the filter. */
export const attachParts = (
  session: ChatSession,
  firstWith: (filter: (holder: Partial<Record<Attachable, unknown>>) => boolean) => HTMLElement | undefined,
): AttachedParts => {
  /** The update function of each part that was asked for; null until the part is attached. */
  const updates = new Map<Attachable, (() => void) | null>()

  const attach = async (name: Attachable, target: () => HTMLElement | undefined): Promise<void> => {
    const early: CustomEvent<MessageDetail>[] = []
    const waiting = new AbortController()
    const keep = (event: CustomEvent<MessageDetail>): void => {
      if (early.push(event) > MAX_EARLY) early.shift()
    }
    session.addEventListener('message', keep, { signal: waiting.signal })
    const report = (error: SessionError): unknown => emit(target(), 'session-error', { error })
    const fail = (code: ConstructorParameters<typeof SessionError>[0], cause: unknown): unknown =>
      report(new SessionError(code, { cause }))
    updates.set(name, null)
    try {
      const part = await loadPart(name)
      updates.set(name, part.attach(session, { target, tabId, fail, early }))
    } catch (error) {
      // The part is loaded again when the session is active the next time.
      if ((error as SessionError).retryable) updates.delete(name)
      report(error as SessionError)
    }
    waiting.abort()
  }

  const update = (): void => {
    for (const name of attachable) {
      const target = (): HTMLElement | undefined => firstWith((holder) => isSet(holder[name]))
      if (updates.has(name)) updates.get(name)?.()
      else if (target()) void attach(name, target)
    }
  }
  session.addEventListener('state', () => session.state === 'active' && update())
  return { update }
}
