import type { Message, MessageDetail } from '../../session/index.js'
import { listen } from '../../session/internal.js'
import { emit } from '../events/emit.js'
import type { AttachPart } from '../attach-part.js'
import { notificationContent } from './content.js'
import { announceVisibility, isAnyTabVisible } from './tab-visibility.js'
import { attachPush } from './push.js'
import {
  closeRead,
  isGranted,
  serviceWorkers,
  showNotification,
  userKeyOf,
  type NotificationClick,
  type Placed,
} from './show.js'

export { requestPermission } from './permission.js'

/** The most messages in a notification's `data`, because browsers limit its size. The newest messages are kept. */
const MAX_MESSAGES = 20

/** How many notifications may be shown at once, and how many milliseconds each further notification waits. */
const BURST = 5
const INTERVAL = 1_000

/** The state of a session's notifications. */
interface State {
  /**
   * App and user as one text. The tag of each notification begins with it, and tabs announce their visibility under it. Empty while the
   * session has no user.
   */
  userKey: string
  /** Ends the listener to clicks, and the announcement that this tab is visible. */
  subscription?: AbortController
  /** The messages that no notification has shown yet, at most `MAX_MESSAGES`. */
  pending: readonly Message[]
  /** How many messages no notification has shown yet. */
  pendingCount: number
  /** The offset of the latest message. */
  newest: number
  /** For each peer, the offset up to which the user has read the peer's messages, as far as this connection has reported it. */
  marks: Map<string | null, number>
  /** The marks, as JSON, for which `closeRead` was called last. */
  mark: string
  /** The time of `performance.now()` at which the rate limit allows a whole burst again. */
  idleAt: number
  timer?: ReturnType<typeof setTimeout>
  failureReported?: boolean
}

/** Shows desktop notifications of a session's messages while no tab of the user is visible. Dispatches the events on `target()`. */
export const attach: AttachPart = (session, context) => {
  const { target, early, SessionError } = context
  const push = attachPush(session, context)
  const state: State = {
    userKey: '',
    pending: [],
    pendingCount: 0,
    newest: 0,
    marks: new Map(),
    mark: '',
    idleAt: 0,
  }

  const clicked = (messages: readonly Message[]): boolean =>
    emit(target(), 'session-notification-click', { messages })

  /** Whether the user has read a message, here or on another device. */
  const isRead = ({ offset, from }: Placed): boolean =>
    offset <= Math.max(session.readOffset, state.marks.get(from) ?? 0)

  const clear = (): void => {
    clearTimeout(state.timer)
    state.pending = []
    state.pendingCount = 0
  }

  const show = async (messages: readonly Message[], count: number): Promise<void> => {
    const userKey = state.userKey
    const isVisible = await isAnyTabVisible(userKey)
    if (userKey !== state.userKey || messages.every(isRead)) return
    const content = { messages, ...notificationContent(messages, count, userKey) }
    // A notification that is not shown does not count for the rate limit: the user sees the messages in the visible tab, or a listener has
    // stopped the notification.
    if (isVisible || !emit(target(), 'session-notification', content)) {
      state.idleAt -= INTERVAL
      if (isVisible) clear()
      else showPending()
      return
    }
    try {
      await showNotification(content, { 'chat-session': userKey, messages }, () => clicked(messages))
    } catch (cause) {
      // Each session reports this error once, because every further message would fail in the same way.
      const error = new SessionError('notifications-unsupported', { cause })
      state.failureReported ||= emit(target(), 'session-error', { error })
    }
  }

  /** Shows the pending messages as one notification, as soon as the rate limit allows it. */
  const showPending = (): void => {
    clearTimeout(state.timer)
    // After a reconnect this waits for the last missed message, so that one summary shows all of them.
    if (!state.pendingCount || state.newest < session.missedUntil) return
    const now = performance.now()
    const wait = state.idleAt - now - (BURST - 1) * INTERVAL
    if (wait > 0) {
      state.timer = setTimeout(showPending, wait)
      return
    }
    state.idleAt = Math.max(state.idleAt, now) + INTERVAL
    void show(state.pending, state.pendingCount)
    clear()
  }

  const follow = (): void => {
    const { appId, user } = session
    const userKey = user ? userKeyOf(appId, user.id) : ''
    state.subscription?.abort()
    const { signal } = (state.subscription = new AbortController())
    // Only a page with an active session takes the lock by which other tabs see that it is visible. While a session reconnects, the page
    // shows nothing new, and the lock would keep the page out of the back/forward cache.
    if (session.state === 'active') announceVisibility(userKey, signal)
    if (userKey !== state.userKey) {
      state.userKey = userKey
      clear()
    }
    if (!userKey) return
    // The user may have read messages on another device while this page had no connection.
    if (session.state === 'active') {
      state.marks.clear()
      state.mark = ''
      readMoved()
    }
    const workers = serviceWorkers()
    if (!workers) return
    listen(
      workers,
      'message',
      ({ data }: MessageEvent<Partial<NotificationClick> | null>) => {
        if (data?.['chat-session'] !== userKey) return
        const { messages = [], offset } = data
        if (!offset) return void clicked(messages)
        // The push did not contain the message. If retention has deleted the message, the history begins with a later message.
        session.history({ after: offset - 1, limit: 1 }).then(
          ([found]) => clicked(found?.offset === offset ? [found] : []),
          () => clicked([]),
        )
      },
      signal,
    )
  }

  const receive = ({ detail: { message } }: CustomEvent<MessageDetail>): void => {
    // `userKey` is empty if another listener to this event has ended the session.
    if (!state.userKey || document.visibilityState === 'visible' || !isGranted() || !target() || push.isOn())
      return clear()
    if (message.from !== session.user?.id && !message.adopted) {
      state.pending = [...state.pending, message].slice(-MAX_MESSAGES)
      state.pendingCount += 1
    }
    state.newest = message.offset
    showPending()
  }

  const readMoved = (): void => {
    const { with: peer, readOffsetWith: readOffset = 0 } = context.info() ?? {}
    // A new message causes `unread`, too, but does not change the marks.
    const mark = JSON.stringify([session.readOffset, peer, readOffset])
    if (mark === state.mark) return
    state.mark = mark
    if (peer !== undefined) state.marks.set(peer, readOffset)
    if (state.pending.every(isRead)) clear()
    // A sandbox may forbid service workers. Then the page itself shows all notifications, and `closeRead` has already closed them.
    closeRead(state.userKey, isRead).catch(() => undefined)
  }

  session.addEventListener('unread', readMoved)
  session.addEventListener('state', follow)
  session.addEventListener('message', receive)
  follow()
  early.forEach(receive)
  return () => push.update()
}
