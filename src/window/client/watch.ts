import type { ChatSessionElement } from '../../element/chat-session.js'

/** The most users that one watch takes. */
const MAX_WATCHED = 100

type Session = NonNullable<ChatSessionElement['session']>

/**
 * The users whose presence each window of the page shows, by the session. A session's watch replaces the one before, so windows that share a
 * session have one watch together.
 */
const wanted = new WeakMap<Session, Map<object, readonly string[]>>()

/** `window` shows the presence of these users from now on. Resolves when the gateway has told it, to all windows. */
export const watchFor = async (
  element: ChatSessionElement,
  window: object,
  users: readonly string[],
): Promise<void> => {
  const { session } = element
  if (!session) return
  const byWindow = wanted.get(session) ?? new Map<object, readonly string[]>()
  wanted.set(session, byWindow.set(window, users))
  await element.watch([...new Set([...byWindow.values()].flat())].slice(0, MAX_WATCHED))
}

/** `window` shows nobody's presence any more. */
export const stopWatching = ({ session }: ChatSessionElement, window: object): void => {
  if (session) wanted.get(session)?.delete(window)
}
