import type { ChatSession } from '../../session/index.js'
import type { AttachPart } from '../attach-part.js'
import { showAppBadge } from './app.js'
import { showFaviconDot } from './favicon.js'
import { showInTitle } from './title.js'

/**
 * `<chat-unread>` loads the part `badge` (parts/parts.ts) for this function. A part of its own would make `chat-session.js`, which every
 * page loads, longer by one row of `partTable`.
 */
export { update } from '../unread/show-unread.js'

/**
 * The unread count of each session that has a badge, with the places that show the count. Each place shows the sum of its sessions' counts.
 */
const counts = new Map<ChatSession, { unread: number; places: readonly string[] }>()

/** For each place the function that shows a count there. With undefined it puts back what the page had there before. */
const places: Record<string, (count: number | undefined) => void> = {
  title: showInTitle,
  favicon: showFaviconDot,
  app: showAppBadge,
}

const show = (): void => {
  for (const [place, showIn] of Object.entries(places)) {
    const shown = [...counts.values()].filter((each) => each.places.includes(place))
    showIn(shown.length ? shown.reduce((sum, { unread }) => sum + unread, 0) : undefined)
  }
}

/** Shows the session's unread count in the places that `badge` names on the session's first element with this attribute. */
export const attach: AttachPart = (session, { target }) => {
  const update = (): void => {
    const { badge } = (target() ?? {}) as { badge?: string }
    // Before the session has started, and after its end, no count is known.
    if (badge && session.sessionId)
      counts.set(session, { unread: session.unread, places: badge.split(/\s+/) })
    else counts.delete(session)
    show()
  }
  session.addEventListener('state', update)
  session.addEventListener('unread', update)
  update()
  return update
}
