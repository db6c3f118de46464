import type { Message, MessageDetail } from '../../session/index.js'
import { emit } from '../emit.js'
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

/** How many messages a notification's `data` has at most, the newest ones, because browsers limit its size. All are counted. */
const MAX_MESSAGES = 20

/** This many notifications may be shown at once. Each further notification waits this many milliseconds. */
const BURST = 5
const INTERVAL = 1_000

/** The state of a session's notifications. */
interface State {
  /** App and user: the tag of the notifications, and the name under which tabs announce their visibility. Empty without a session. */
  userKey: string
  /** Ends the listener and the announcement that belong to the session's present state. */
  subscription?: AbortController
  /** The newest of the messages that no notification has shown yet. */
  pending: readonly Message[]
  /** How many messages no notification has shown yet. */
  pendingCount: number
  /** The offset of the latest message. */
  newest: number
  /** The offset up to which each peer's messages are read, as far as this connection has said. */
  marks: Map<string | null, number>
  /** The marks up to which notifications were closed. */
  mark: string
  /** The time at which the rate limit allows a whole burst again. */
  idleAt: number
  timer?: ReturnType<typeof setTimeout>
  failureReported?: boolean
}

/** Shows desktop notifications of a session's messages while no tab of the user is visible. The target dispatches the events. */
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
    if (isVisible) {
      // The user has seen the pending messages too. No notification was shown, so none counts for the rate limit.
      state.idleAt -= INTERVAL
      return clear()
    }
    const content = { messages, ...notificationContent(messages, count, userKey) }
    if (!emit(target(), 'session-notification', content)) return
    try {
      await showNotification(content, { 'chat-session': userKey, messages }, () => clicked(messages))
    } catch (cause) {
      // This is reported once for each session, because every further message would fail in the same way.
      const error = new SessionError('notifications-unsupported', { cause })
      state.failureReported ||= emit(target(), 'session-error', { error })
    }
  }

  /** Shows the pending messages as one notification, as soon as the rate limit allows it. */
  const showPending = (): void => {
    clearTimeout(state.timer)
    // After a reconnect all missed messages arrive first, and are shown as one summary.
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
    // Only while active: a page that reconnects shows nothing new, and a lock would keep it out of the back/forward cache.
    if (session.state === 'active') announceVisibility(userKey, signal)
    if (userKey !== state.userKey) {
      state.userKey = userKey
      clear()
    }
    if (!userKey) return
    // What another device read while there was no connection.
    if (session.state === 'active') {
      state.marks.clear()
      state.mark = ''
      readMoved()
    }
    serviceWorkers()?.addEventListener(
      'message',
      ({ data }: MessageEvent<Partial<NotificationClick> | null>) => {
        if (data?.['chat-session'] !== userKey) return
        const { messages = [], offset } = data
        if (!offset) return void clicked(messages)
        // The push brought no message, and the inbox may not keep it any more.
        session.history({ after: offset - 1, limit: 1 }).then(clicked, () => clicked([]))
      },
      { signal },
    )
  }

  const receive = ({ detail: { message } }: CustomEvent<MessageDetail>): void => {
    // Without a key a listener of the message has ended the session.
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
    const [peer, readOffset = 0] = session.peerMark
    // The count of unread messages changes by a new message, too.
    const mark = JSON.stringify([session.readOffset, peer, readOffset])
    if (mark === state.mark) return
    state.mark = mark
    if (peer !== undefined) state.marks.set(peer, readOffset)
    if (state.pending.every(isRead)) clear()
    // A sandbox forbids service workers, and then the page's own are closed already.
    closeRead(state.userKey, isRead).catch(() => undefined)
  }

  session.addEventListener('unread', readMoved)
  session.addEventListener('state', follow)
  session.addEventListener('message', receive)
  follow()
  early.forEach(receive)
  // On a shared computer the next user must not read them.
  session.addEventListener('logout', () => {
    closeRead(state.userKey, () => true).catch(() => undefined)
  })
  return () => push.update()
}
