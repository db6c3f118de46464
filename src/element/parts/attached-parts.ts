import { SessionError, type ChatSession, type MessageDetail } from '../../session/index.js'
import { isSet } from '../is-set.js'
import { usePart } from './use-part.js'

/** The parts that an attribute asks for, and that work for a session. */
export type Attachable = 'badge' | 'notifications'

/** How many messages wait for a part at most. */
const MAX_EARLY = 100

/** `firstWith` returns the first element in the page that holds the session and passes the filter. */
type FirstWith = (
  filter: (holder: Partial<Record<Attachable, unknown>>) => boolean,
) => HTMLElement | undefined

/**
 * Attaches to the session the parts that its elements ask for. The returned function is called when they may ask for others: it attaches
 * those, and tells the attached ones.
 */
export const attachParts = (session: ChatSession, firstWith: FirstWith): (() => void) => {
  /** Tells each part that was asked for that its elements may have changed. */
  const updates: Partial<Record<Attachable, (() => void) | undefined>> = {}

  const attach = async (
    name: Attachable,
    first: HTMLElement,
    target: () => HTMLElement | undefined,
  ): Promise<void> => {
    const early: CustomEvent<MessageDetail>[] = []
    const keep = (event: CustomEvent<MessageDetail>): void => {
      if (early.push(event) > MAX_EARLY) early.shift()
    }
    updates[name] = () => undefined
    session.addEventListener('message', keep)
    // A part that could not be loaded is asked for again when the session is active the next time.
    updates[name] = (await usePart(name, first))?.attach(session, { target, early, SessionError })
    session.removeEventListener('message', keep)
  }

  const update = (): void => {
    for (const name of ['badge', 'notifications'] as const) {
      const target = (): HTMLElement | undefined => firstWith((holder) => isSet(holder[name]))
      const first = target()
      if (updates[name]) updates[name]()
      else if (first) void attach(name, first, target)
    }
  }
  session.addEventListener('state', () => session.state === 'active' && update())
  return update
}
