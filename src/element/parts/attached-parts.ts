import { SessionError, type ChatSession, type MessageDetail } from '../../session/index.js'
import type { PartContext } from '../attach-part.js'
import { internals } from '../../session/internal.js'
import { isSet } from '../is-set.js'
import { usePart } from './use-part.js'

/** The parts that attach to a session. An element asks for a part by the attribute of the same name. */
export type Attachable = 'badge' | 'notifications'

/** The most messages that wait while a part is loaded. */
const MAX_EARLY = 100

/**
 * Attaches to a session the parts that its elements ask for. The caller calls the returned function when an element has changed, joined or
 * left. That function attaches the missing parts, and updates the attached ones.
 */
export const attachParts = (session: ChatSession, firstWith: PartContext['firstWith']): (() => void) => {
  /** For each part that was asked for, a function that tells the part that the elements may have changed. */
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
    // If a part could not be loaded, the next call of `update` tries again.
    updates[name] = (await usePart(name, first))?.attach(session, {
      target,
      firstWith,
      early,
      info: () => session[internals].info(),
      SessionError,
    })
    session.removeEventListener('message', keep)
  }

  const update = (): void => {
    for (const name of ['badge', 'notifications'] as const) {
      const target = (): HTMLElement | undefined => firstWith((member) => isSet(member[name]))
      const first = target()
      if (updates[name]) updates[name]()
      else if (first) void attach(name, first, target)
    }
  }
  session.addEventListener('state', () => session.state === 'active' && update())
  return update
}
